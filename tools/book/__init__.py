"""The course as a book: a site of static pages that needs no server and no network."""
