"""Ink told from paper, whatever the light and the colours."""

import numpy as np
from scipy import ndimage

from utils.handwriting.errors import empty_page, nothing_like_ink

SMALLEST_PAGE = 100  # pixels; what is smaller has neither noise nor lines removed
PALEST = 0.25  # of the ink around: a stroke's palest part
ROUGH = 0.5  # of what passes for ink: if so much is pale, the paper is rough
BLOCKS = 8  # along the shorter side: so much of a page has a noise of its own
FAINTEST = 0.05  # ink that swallows less of the light than this is no ink
NOISE_LEVELS = 5.0  # nor is what does not rise so many times above the noise
DARKEST_SHADOW = 4.0  # times darker than the page
DARKEST_PAPER = 0.25  # of the page's: shadows leave more of the light
AGAINST = -0.5  # a colour so much correlated with the strongest one is turned round
GREY = np.float32([0.299, 0.587, 0.114])  # how bright we see red, green and blue


def find_ink(photo, light_on_dark=None):
    """Tell ink from paper: the share of light that is swallowed.

    The paper's brightness around each pixel is a grey closing: the smallest of the
    largest values, which fills whatever is dark and thin, and follows a shadow's edge.
    It is a local threshold's better half: what is left is even everywhere. Red, green
    and blue are looked at one by one: a red pen on grey paper of the same brightness
    still swallows the green.

    Args:
        photo: shape (height, width) or (height, width, 3), float32 in [0, 1].
        light_on_dark: ink is brighter than paper; None: find out.

    Returns:
        np.ndarray, shape (height, width), float32 in [0, 1], 0 = paper.

    Raises:
        HandwritingError: the page is empty, or as much ink as paper.
    """
    photo = aligned(photo)
    if light_on_dark is None:
        light_on_dark = is_light_on_dark(photo)
    return ink_of(photo, light_on_dark)


def ink_of(photo, light_on_dark):
    """Return the ink of a photo that is aligned, as find_ink()."""
    channels = [photo] if photo.ndim == 2 else list(np.moveaxis(photo, 2, 0))
    if max(np.ptp(channel) for channel in channels) < FAINTEST:
        raise empty_page()
    found = [_swallowed(channel, light_on_dark) for channel in channels]
    swallowed, papers = zip(*found, strict=True)
    ink = swallowed[0] if len(swallowed) == 1 else _mixed(swallowed)
    paper_level, noise = _level_and_noise(ink.flatten())
    noise = min(noise, _noise_nearby(ink))
    # A camera's noise hardly depends on the light: in a shadow it is a larger share.
    paper = sum(papers)
    share = (np.median(paper) / np.maximum(paper, 1e-3)).clip(1, DARKEST_SHADOW)
    ink = ink - paper_level * share
    gate = NOISE_LEVELS * noise
    if gate > 0.5 * np.percentile(ink, 99):
        gate = otsu(ink)  # no noise but a printed pattern: it has a strength of its own
        share = 1.0
    ink[ink < np.maximum(FAINTEST, gate * share)] = 0
    if not ink.any():
        raise empty_page() if noise < FAINTEST else nothing_like_ink()
    return ink


def _swallowed(channel, light_on_dark):
    """Return the share of light that is missing against the paper around, and that."""
    shorter = min(channel.shape)
    if shorter >= SMALLEST_PAGE:  # the camera's noise; MNIST's own digits have none
        channel = ndimage.gaussian_filter(channel, min(1.0, shorter / 200))
    if light_on_dark:
        channel = 1.0 - channel
    window = max(9, round(0.2 * shorter) | 1)
    paper = ndimage.grey_closing(channel, (window, window), mode="nearest")
    swallowed = (1 - channel / np.maximum(paper, 0.02)).clip(0, 1)
    if shorter >= SMALLEST_PAGE:
        # A desk, a telephone, the dark beside the page: no paper, hence no ink.
        swallowed[paper < DARKEST_PAPER * np.percentile(paper, 90)] = 0
    return swallowed, paper


def _mixed(swallowed):
    """Mix the colours, each by how far its ink stands out of its noise.

    It is a matched filter: the best weight of a measurement is its signal by the
    square of its noise. Grey pictures come out as they were.
    """
    weights = []
    for channel in swallowed:
        values = channel.flatten()
        level, noise = _level_and_noise(values)
        strong = np.percentile(values, 99, overwrite_input=True)
        weights.append((strong - level) / (noise + 0.01) ** 2)
    weights = np.maximum(weights, 1e-6).astype(np.float32)
    return sum(w * s for w, s in zip(weights / weights.sum(), swallowed, strict=True))


def _level_and_noise(values):
    """Return the paper's level, and the standard deviation of its noise.

    The values, shape (n,), are left half in order: what is asked of them next is found
    sooner.
    """
    level = np.median(values, overwrite_input=True)
    spread = np.abs(values - level)
    return level, 1.4826 * np.median(spread, overwrite_input=True)


def _noise_nearby(ink):
    """Return the standard deviation of the noise where half of the page has less.

    About the level nearby: what is dark over there is no noise here.
    """
    side = max(16, min(ink.shape) // BLOCKS)
    if min(ink.shape) < 2 * side:
        return np.inf
    height, width = (n // side * side for n in ink.shape)
    blocks = ink[:height, :width].reshape(height // side, side, width // side, side)
    blocks = blocks.swapaxes(1, 2).reshape(-1, side * side)
    level = np.median(blocks, axis=1, keepdims=True)
    return float(np.median(1.4826 * np.median(np.abs(blocks - level), axis=1)))


def otsu(values):
    """Return the level that parts values best into two classes.

    N. Otsu, "A threshold selection method from gray-level histograms", 1979: the
    variance between the classes is largest there.
    """
    counts, edges = np.histogram(values, 256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = sums / below - (sums[-1] - sums) / above
    between = np.nan_to_num(below * above * apart**2)
    return float(edges[1 + int(np.argmax(between))])


def aligned(photo):
    """Turn round the colours in which ink is bright, where it is dark in others.

    Pink on green is: brighter in red, darker in green, and in grey hardly to be seen.
    """
    if photo.ndim == 2:
        return photo
    small = np.stack([_small(channel) for channel in np.moveaxis(photo, 2, 0)])
    deviation = small - ndimage.gaussian_filter(
        small, (0, *[0.1 * min(small.shape[1:])] * 2)
    )
    deviation = deviation.reshape(3, -1)
    strongest = np.argmax(deviation.var(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):  # a colour without contrast
        against = np.corrcoef(deviation)[strongest] < AGAINST
    return np.where(against, 1 - photo, photo) if against.any() else photo


def grey(photo):
    """Return a photo without its colours, shape (height, width), float32."""
    return photo if photo.ndim == 2 else photo @ GREY


def is_light_on_dark(photo):
    """Tell by the third moment about the surroundings: ink is rarer than paper.

    Against surroundings of several sizes, because a shadow disturbs the large ones and
    a digit that fills its picture the small ones. The photo is one from aligned().
    """
    small = _small(grey(photo))
    skewness = 0.0
    for share in (0.03, 0.06, 0.12, 0.25):
        around = ndimage.gaussian_filter(small, share * min(small.shape))
        deviation = small - around
        squares = deviation**2
        skewness += (squares * deviation).mean() / (squares.mean() ** 1.5 + 1e-12)
    return bool(skewness > 0)


def _small(channel):
    """Return a channel reduced to some 120 pixels along its shorter side."""
    step = max(1, min(channel.shape) // 120)
    rows, columns = (side // step * step for side in channel.shape)
    blocks = channel[:rows, :columns].reshape(rows // step, step, columns // step, step)
    return blocks.mean(axis=(1, 3))


def to_strokes(ink, uneven=False):
    """Cut ink at half its strength: 0 outside of the strokes, 1 inside, soft edges.

    The strength is that of the ink around, so that a faint pen beside a dark object or
    a printed frame is cut at half of its own; but no less than a third of the page's,
    or the paper's grain would be cut, too.

    Args:
        ink: shape (height, width), float32 in [0, 1].
        uneven: follow strokes into their pale parts, too: a pencil's.

    Returns:
        np.ndarray, same shape and dtype.

    Raises:
        HandwritingError: nothing is left.
    """
    some = ink[ink > 0]
    if some.size == 0:
        raise nothing_like_ink()
    strong = np.percentile(some, 90)
    shorter = min(ink.shape)
    if shorter >= SMALLEST_PAGE:
        # As far as a pen's stroke is wide, and a little more.
        reach = max(9, round(0.03 * shorter)) | 1
        around = ndimage.maximum_filter(ink, reach)
        around = ndimage.uniform_filter(around, reach)
        strong = np.maximum(np.minimum(around, strong), 0.3 * strong)
    strokes = (ink / strong).clip(0, 1)
    if uneven:
        strokes = _with_pale_parts(strokes, ink, strong)
    body = ndimage.binary_dilation(strokes > 0.5, np.ones((3, 3)))
    return np.where(body, strokes, 0).astype(np.float32)


def without_grain(ink):
    """Return the ink without its paler half of two, if most strokes are of that.

    Rough paper may pass for ink all over a page; what a pen wrote is darker.

    Args:
        ink: shape (height, width), float32 in [0, 1].

    Returns:
        np.ndarray, same shape and dtype; None where the paper is smooth.

    Raises:
        HandwritingError: there is no ink.
    """
    pale = ink < otsu(ink[ink > 0])
    strokes = to_strokes(ink) > 0.5
    return np.where(pale, 0, ink) if pale[strokes].mean() > ROUGH else None


def _with_pale_parts(strokes, ink, strong):
    """Follow a stroke where the pen was lifted a little: a pencil's ink is uneven.

    Two thresholds, as J. Canny, "A computational approach to edge detection", 1986, has
    them: what is paler than half of the ink around is a stroke all the same, cut at
    half of its own strength, where it hangs together with one.
    """
    near = max(3, round(0.01 * min(ink.shape))) | 1
    own = np.maximum(ndimage.maximum_filter(ink, near), 1e-6)
    pale = (ink > 0.5 * own) & (ink > PALEST * strong)
    sure = strokes > 0.5
    labels, n = ndimage.label(pale | sure, np.ones((3, 3)))
    touched = np.zeros(n + 1, bool)
    touched[labels[sure]] = True
    touched[0] = False
    return np.where(pale & touched[labels], np.maximum(strokes, ink / own), strokes)


def inked(mask, room):
    """Return where the ink of a page is: the slices of its box, with room around it.

    Most of a page is paper. What looks no farther than the room finds the same there
    as on the whole page, in a part of the time.
    """
    return tuple(_inked(mask.any(axis=axis), room) for axis in (1, 0))


def _inked(some, room):
    places = np.flatnonzero(some)
    if len(places) == 0:
        return slice(0, 0)
    return slice(max(0, int(places[0]) - room), int(places[-1]) + room + 1)
