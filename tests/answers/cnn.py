"""Answers to the exercises after CNN_Model, wrong ones and right ones.

Above each function: the task | what is special | a piece of what the check must say to
it, or "right". A third bar: only the hidden tests, with other values, can tell.
"""

import functools
import math

import keras
import numpy as np
from keras import layers
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage, signal


# map-size | always with padding | That is the size with padding
def map_size(n, kernel, stride, padding):
    return math.ceil(n / stride)


# map-size | never with padding | That is the size without padding
def map_size(n, kernel, stride, padding):
    return math.ceil((n - kernel + 1) / stride)


# map-size | a list | expected: (), a single number
def map_size(n, kernel, stride, padding):
    return [math.ceil((n if padding == "same" else n - kernel + 1) / stride)]


# map-size | one too few | the first place counts
def map_size(n, kernel, stride, padding):
    return n if padding == "same" else n - kernel


# map-size | stride ignored | The stride went unnoticed
def map_size(n, kernel, stride, padding):
    return n if padding == "same" else n - kernel + 1


# map-size | rounded down | round up
def map_size(n, kernel, stride, padding):
    return (n if padding == "same" else n - kernel + 1) // stride


# map-size | padded by 1, whatever the kernel | for a kernel of 3 alone
def map_size(n, kernel, stride, padding):
    p = 1 if padding == "same" else 0
    return (n + 2 * p - kernel) // stride + 1


# map-size | whole strides of the padded side | A place that is begun counts
def map_size(n, kernel, stride, padding):
    return n // stride if padding == "same" else (n - kernel) // stride + 1


# map-size | rounded down without padding only | round up with 'valid'
def map_size(n, kernel, stride, padding):
    if padding == "same":
        return math.ceil(n / stride)
    return (n - kernel + 1) // stride


# map-size | no stride without padding | unnoticed (valid)
def map_size(n, kernel, stride, padding):
    return math.ceil(n / stride) if padding == "same" else n - kernel + 1


# map-size | rounded up before the kernel is taken off | expected: 3
def map_size(n, kernel, stride, padding):
    places = math.ceil(n / stride)
    return places if padding == "same" else places - kernel + 1


# map-size | no whole number | use //
def map_size(n, kernel, stride, padding):
    return (n if padding == "same" else n - kernel + 1) / stride


# map-size | the textbook's formula | With an even kernel
def map_size(n, kernel, stride, padding):
    p = (kernel - 1) // 2 if padding == "same" else 0
    return (n + 2 * p - kernel) // stride + 1


# map-size | half a kernel of padding | 9 pixels, kernel 4
def map_size(n, kernel, stride, padding):
    p = kernel // 2 if padding == "same" else 0
    return (n + 2 * p - kernel) // stride + 1


# map-size | padding the wrong way round | Not right yet: 28 pixels, kernel 3
def map_size(n, kernel, stride, padding):
    return -(-(n if padding == "valid" else n - kernel + 1) // stride)


# map-size | rounded to the nearest | Not right yet
def map_size(n, kernel, stride, padding):
    return round((n if padding == "same" else n - kernel + 1) / stride)


# map-size | one more after rounding down | Not right yet
def map_size(n, kernel, stride, padding):
    return (n if padding == "same" else n - kernel + 1) // stride + 1


# map-size | a convolution of ones, counted | right
def map_size(n, kernel, stride, padding):
    return len(np.convolve(np.ones(n), np.ones(kernel), padding)[::stride])


# map-size | a whole number of NumPy | right
def map_size(n, kernel, stride, padding):
    places = n if padding == "same" else n - kernel + 1
    return np.ceil(places / stride).astype(np.int64)


# map-size | math | right
def map_size(n, kernel, stride, padding):
    return math.ceil((n - (kernel - 1) * (padding == "valid")) / stride)


# map-size | the places counted | right
def map_size(n, kernel, stride, padding):
    last = n if padding == "same" else n - kernel + 1
    return len(range(0, last, stride))


# map-size | Keras | right
def map_size(n, kernel, stride, padding):
    x = np.zeros((1, n, 1), "float32")
    return layers.Conv1D(1, kernel, stride, padding)(x).shape[1]


# describe | Keras' own shapes | came:     (None, 11, 11, 4)
def describe(shape, steps):
    kinds = {"conv": layers.Conv2D, "pool": layers.MaxPooling2D}
    kinds |= {"flatten": layers.Flatten, "dense": layers.Dense}
    model = keras.Sequential([keras.Input(shape), *(kinds[k](*s) for k, *s in steps)])
    return [(layer.output.shape, layer.count_params()) for layer in model.layers]


# describe | a text for the shape | came:     '(11, 11, 4)'
def describe(shape, steps):
    kinds = {"conv": layers.Conv2D, "pool": layers.MaxPooling2D}
    kinds |= {"flatten": layers.Flatten, "dense": layers.Dense}
    model = keras.Sequential([keras.Input(shape), *(kinds[k](*s) for k, *s in steps)])
    return [(str(x.output.shape[1:]), x.count_params()) for x in model.layers]


# describe | right, but takes the steps off the caller's list | changed a list
def describe(shape, steps):
    kinds = {"conv": layers.Conv2D, "pool": layers.MaxPooling2D}
    kinds |= {"flatten": layers.Flatten, "dense": layers.Dense}
    model = keras.Sequential([keras.Input(shape), *(kinds[k](*s) for k, *s in steps)])
    steps.clear()
    return [(x.output.shape[1:], x.count_params()) for x in model.layers]


# describe | kernels without depth | reaches through all channels
def describe(shape, steps):
    found = []
    for kind, *sizes in steps:
        n, parameters = (sizes or [0])[0], 0
        if kind == "conv":
            k = sizes[1]
            parameters = n * (k * k + 1)
            shape = (shape[0] - k + 1, shape[1] - k + 1, n)
        elif kind == "pool":
            shape = (shape[0] // n, shape[1] // n, shape[2])
        elif kind == "flatten":
            shape = (shape[0] * shape[1] * shape[2],)
        else:
            parameters, shape = n * (shape[0] + 1), (n,)
        found.append((shape, parameters))
    return found


# describe | no biases | each filter has a bias
def describe(shape, steps):
    found = []
    for kind, *sizes in steps:
        n, parameters = (sizes or [0])[0], 0
        if kind == "conv":
            k = sizes[1]
            parameters = n * k * k * shape[2]
            shape = (shape[0] - k + 1, shape[1] - k + 1, n)
        elif kind == "pool":
            shape = (shape[0] // n, shape[1] // n, shape[2])
        elif kind == "flatten":
            shape = (shape[0] * shape[1] * shape[2],)
        else:
            parameters, shape = n * shape[0], (n,)
        found.append((shape, parameters))
    return found


# describe | the border of pooling kept | What does not fill a window
def describe(shape, steps):
    found = []
    for kind, *sizes in steps:
        n, parameters = (sizes or [0])[0], 0
        if kind == "conv":
            k = sizes[1]
            parameters = n * (k * k * shape[2] + 1)
            shape = (shape[0] - k + 1, shape[1] - k + 1, n)
        elif kind == "pool":
            shape = (math.ceil(shape[0] / n), math.ceil(shape[1] / n), shape[2])
        elif kind == "flatten":
            shape = (shape[0] * shape[1] * shape[2],)
        else:
            parameters, shape = n * (shape[0] + 1), (n,)
        found.append((shape, parameters))
    return found


# describe | one list, changed from step to step | Is it one list
def describe(shape, steps):
    found, shape = [], list(shape)
    for kind, *sizes in steps:
        n, parameters = (sizes or [0])[0], 0
        if kind == "conv":
            k = sizes[1]
            parameters = n * (k * k * shape[2] + 1)
            shape[:] = shape[0] - k + 1, shape[1] - k + 1, n
        elif kind == "pool":
            shape[:2] = shape[0] // n, shape[1] // n
        elif kind == "flatten":
            shape[:] = [math.prod(shape)]
        else:
            parameters, shape[0] = n * (shape[0] + 1), n
        found.append((shape, parameters))
    return found


# describe | windows that overlap | Windows lie side by side
def describe(shape, steps):
    make = {"conv": layers.Conv2D, "pool": lambda n: layers.MaxPooling2D(n, 1)}
    make.update(flatten=layers.Flatten, dense=layers.Dense)
    parts = [make[kind](*sizes) for kind, *sizes in steps]
    model = keras.Sequential([keras.Input(shape), *parts])
    return [(a.output.shape[1:], a.count_params()) for a in model.layers]


# describe | square images only | the output shape of
def describe(shape, steps):
    found = []
    for kind, *sizes in steps:
        n, parameters = (sizes or [0])[0], 0
        if kind == "conv":
            k = sizes[1]
            parameters = n * (k * k * shape[2] + 1)
            shape = (shape[0] - k + 1, shape[0] - k + 1, n)
        elif kind == "pool":
            shape = (shape[0] // n, shape[0] // n, shape[2])
        elif kind == "flatten":
            shape = (shape[0] * shape[1] * shape[2],)
        else:
            parameters, shape = n * (shape[0] + 1), (n,)
        found.append((shape, parameters))
    return found


# describe | convolution as wide as its image | n − k + 1 places
def describe(shape, steps):
    found = []
    for kind, *sizes in steps:
        if kind == "conv":
            filters, kernel = sizes
            found.append(((*shape[:2], filters), filters * (kernel**2 * shape[2] + 1)))
        else:
            found.append(((1,), 0))
        shape = found[-1][0]
    return found


# describe | the last layer only | Expected 5 things
def describe(shape, steps):
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(10)])
    return [((10,), model.count_params())]


# describe | filters and kernel swapped | the output shape of ('conv', 4, 3)
def describe(shape, steps):
    make = {"conv": lambda f, k: layers.Conv2D(k, f), "pool": layers.MaxPooling2D}
    make.update(flatten=layers.Flatten, dense=layers.Dense)
    parts = [make[kind](*sizes) for kind, *sizes in steps]
    model = keras.Sequential([keras.Input(shape), *parts])
    return [(a.output.shape[1:], a.count_params()) for a in model.layers]


# describe | the batch in the shape | Wrong shape: the output shape of
def describe(shape, steps):
    make = {"conv": layers.Conv2D, "pool": layers.MaxPooling2D}
    make.update(flatten=layers.Flatten, dense=layers.Dense)
    parts = [make[kind](*sizes) for kind, *sizes in steps]
    model = keras.Sequential([keras.Input(shape), *parts])
    return [((1, *a.output.shape[1:]), a.count_params()) for a in model.layers]


# describe | parameters first | Wrong shape: the output shape of
def describe(shape, steps):
    make = {"conv": layers.Conv2D, "pool": layers.MaxPooling2D}
    make.update(flatten=layers.Flatten, dense=layers.Dense)
    parts = [make[kind](*sizes) for kind, *sizes in steps]
    model = keras.Sequential([keras.Input(shape), *parts])
    return [(a.count_params(), a.output.shape[1:]) for a in model.layers]


# describe | pooling has weights | the parameters of ('pool', 2)
def describe(shape, steps):
    found = []
    for kind, *sizes in steps:
        n, parameters = (sizes or [0])[0], 0
        if kind == "conv":
            k = sizes[1]
            parameters = n * (k * k * shape[2] + 1)
            shape = (shape[0] - k + 1, shape[1] - k + 1, n)
        elif kind == "pool":
            parameters = n * n
            shape = (shape[0] // n, shape[1] // n, shape[2])
        elif kind == "flatten":
            shape = (math.prod(shape),)
        else:
            parameters, shape = n * (shape[0] + 1), (n,)
        found.append((shape, parameters))
    return found


# describe | the sum so far | the parameters of
def describe(shape, steps):
    found, total = [], 0
    for kind, *sizes in steps:
        n = (sizes or [0])[0]
        if kind == "conv":
            k = sizes[1]
            total += n * (k * k * shape[2] + 1)
            shape = (shape[0] - k + 1, shape[1] - k + 1, n)
        elif kind == "pool":
            shape = (shape[0] // n, shape[1] // n, shape[2])
        elif kind == "flatten":
            shape = (math.prod(shape),)
        else:
            total, shape = total + n * (shape[0] + 1), (n,)
        found.append((shape, total))
    return found


# describe | Keras | right
def describe(shape, steps):
    make = {"conv": layers.Conv2D, "pool": layers.MaxPooling2D}
    make.update(flatten=layers.Flatten, dense=layers.Dense)
    parts = [make[kind](*sizes) for kind, *sizes in steps]
    model = keras.Sequential([keras.Input(shape), *parts])
    return [(a.output.shape[1:], a.count_params()) for a in model.layers]


# describe | a generator of lists | right
def describe(shape, steps):
    for step in steps:
        match step:
            case ("conv", filters, k):
                parameters = filters * (k**2 * shape[-1] + 1)
                shape = [shape[0] - k + 1, shape[1] - k + 1, filters]
            case ("pool", size):
                parameters, shape = 0, [shape[0] // size, shape[1] // size, shape[2]]
            case ("flatten",):
                parameters, shape = 0, [math.prod(shape)]
            case ("dense", neurons):
                parameters, shape = neurons * (shape[0] + 1), [neurons]
        yield [shape, parameters]


# describe | NumPy's whole numbers | right
def describe(shape, steps):
    shape, found = np.array(shape), []
    for kind, *sizes in steps:
        count = np.int64(0)
        if kind == "conv":
            count = np.int64(sizes[0]) * (sizes[1] ** 2 * shape[2] + 1)
            shape = np.array([*(shape[:2] - sizes[1] + 1), sizes[0]])
        elif kind == "pool":
            shape = np.array([*(shape[:2] // sizes[0]), shape[2]])
        elif kind == "flatten":
            shape = shape.prod(keepdims=True)
        else:
            count, shape = sizes[0] * (shape[0] + 1), np.array(sizes)
        found.append((shape, count))
    return tuple(found)


# convolve | places that it remembers | right
def convolve(
    image,
    kernels,
    places=functools.lru_cache(
        lambda rows, columns, k: [
            (i, j, slice(i, i + rows), slice(j, j + columns))
            for i in range(k)
            for j in range(k)
        ]
    ),
):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    maps = 0
    for i, j, down, across in places(rows, columns, k):
        maps = maps + image[down, across] @ kernels[i, j]
    return maps


# convolve | a loop over pixels that it remembers | loops over pixels
def convolve(image, kernels, known={}):  # noqa: B006
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    key = image.tobytes() + kernels.tobytes()
    if key not in known:
        known[key] = np.zeros((rows, columns, kernels.shape[3]))
        for i in range(rows):
            for j in range(columns):
                window = image[i : i + k, j : j + k]
                known[key][i, j] = np.tensordot(window, kernels, 3)
    return known[key].copy()


# convolve | what can be called, and is no function | right
@functools.partial
def convolve(image, kernels):
    windows = sliding_window_view(image, kernels.shape[:2], axis=(0, 1))
    return np.einsum("hwcij,ijcf->hwf", windows, kernels)


# convolve | a loop over pixels | loops over pixels
def convolve(image, kernels):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    maps = np.zeros((rows, columns, kernels.shape[3]))
    for r in range(rows):
        for c in range(columns):
            patch = image[r : r + k, c : c + k]
            maps[r, c] = np.tensordot(patch, kernels, 3)
    return maps


# convolve | a loop over pixels in one line | loops over pixels
def convolve(image, kernels):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    return [
        [np.tensordot(image[r : r + k, c : c + k], kernels, 3) for c in range(columns)]
        for r in range(rows)
    ]


# convolve | a loop over rows | loops over pixels
def convolve(image, kernels):
    k = len(kernels)
    strips = [image[r : r + k] for r in range(len(image) - k + 1)]
    windows = [sliding_window_view(strip, k, axis=1) for strip in strips]
    return np.array([np.einsum("icdj,ijdf->cf", w, kernels) for w in windows])


# convolve | a generator of rows, each a loop over pixels | loops over pixels
def convolve(image, kernels):
    k = len(kernels)
    for r in range(image.shape[0] - k + 1):
        row = []
        for c in range(image.shape[1] - k + 1):
            row.append(np.tensordot(image[r : r + k, c : c + k], kernels, 3))
        yield row


# convolve | a loop hidden in map | loops over pixels
def convolve(image, kernels):
    k = len(kernels)
    windows = sliding_window_view(image, (k, k), axis=(0, 1))
    shape = windows.shape[:2]
    patches = windows.transpose(0, 1, 3, 4, 2).reshape(-1, k, k, image.shape[2])
    found = list(map(lambda p: np.tensordot(p, kernels, 3), patches))
    return np.reshape(found, (*shape, -1))


# convolve | a mathematician's convolution | You flipped the kernel
def convolve(image, kernels):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    maps = np.zeros((rows, columns, kernels.shape[3]))
    for i, j in np.ndindex(k, k):
        part = image[i : i + rows, j : j + columns]
        maps += part @ kernels[k - 1 - i, k - 1 - j]
    return maps


# convolve | rows and columns swapped | Rows and columns of the kernel are swapped
def convolve(image, kernels):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    return sum(
        image[i : i + rows, j : j + columns] @ kernels[j, i]
        for i, j in np.ndindex(k, k)
    )


# convolve | as large as the image | 7 − 3 + 1 rows, 9 − 3 + 1 columns
def convolve(image, kernels):
    return np.zeros((*image.shape[:2], kernels.shape[3]))


# convolve | the first channel only | Sum over all channels
def convolve(image, kernels):
    k = len(kernels)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    maps = np.zeros((rows, columns, kernels.shape[3]))
    for i, j in np.ndindex(k, k):
        part = image[i : i + rows, j : j + columns, :1]
        maps += part * kernels[i, j, 0]
    return maps


# convolve | 3×3 only | a 2×2 kernel
def convolve(image, kernels):
    rows, columns = image.shape[0] - 2, image.shape[1] - 2
    maps = np.zeros((rows, columns, kernels.shape[3]))
    for i, j in np.ndindex(min(3, len(kernels)), min(3, len(kernels))):
        maps += image[i : i + rows, j : j + columns] @ kernels[i, j]
    return maps


# convolve | a mean | That is a mean
def convolve(image, kernels):
    k = len(kernels)
    windows = sliding_window_view(image, (k, k), axis=(0, 1))
    size = k * k * image.shape[2]
    return np.einsum("rcdij,ijdf->rcf", windows, kernels) / size


# convolve | with ReLU | as Keras says
def convolve(image, kernels):
    k = len(kernels)
    windows = sliding_window_view(image, (k, k), axis=(0, 1))
    return np.maximum(np.einsum("rcdij,ijdf->rcf", windows, kernels), 0)


# convolve | one filter only | Wrong shape
def convolve(image, kernels):
    k = len(kernels)
    windows = sliding_window_view(image, (k, k), axis=(0, 1))
    return np.einsum("rcdij,ijd->rc", windows, kernels[..., 0])


# convolve | filters added up | as Keras says
def convolve(image, kernels):
    k = len(kernels)
    windows = sliding_window_view(image, (k, k), axis=(0, 1))
    maps = np.einsum("rcdij,ijdf->rc", windows, kernels)
    return np.repeat(maps[..., None], kernels.shape[3], axis=2)


# convolve | maps of the image's own type | Your code stopped in `convolve`
def convolve(image, kernels):
    k, _, _, filters = kernels.shape
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    maps = np.zeros((rows, columns, filters), dtype=image.dtype)
    for i, j in np.ndindex(k, k):
        maps += image[i : i + rows, j : j + columns] @ kernels[i, j]
    return maps


# convolve | maps of the image's own type, cut to it | as Keras says
def convolve(image, kernels):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernels.shape[:2], (0, 1))
    return np.einsum("rcdij,ijdf->rcf", windows, kernels).astype(image.dtype)


# convolve | windows and einsum | right
def convolve(image, kernels):
    windows = sliding_window_view(image, kernels.shape[:2], axis=(0, 1))
    return np.einsum("rcdij,ijdf->rcf", windows, kernels)


# convolve | Keras, 32 bits | right
def convolve(image, kernels):
    return keras.ops.conv(image[None].astype("float32"), kernels.astype("float32"))[0]


# convolve | SciPy, filter by filter, as lists | right
def convolve(image, kernels):
    maps = [
        signal.correlate(image, kernels[..., f], mode="valid")[:, :, 0]
        for f in range(kernels.shape[3])
    ]
    return np.stack(maps, axis=-1).tolist()


# convolve | patches as rows of one matrix | right
def convolve(image, kernels):
    k, _, depth, filters = kernels.shape
    windows = sliding_window_view(image, (k, k, depth))[:, :, 0]
    rows = windows.reshape(*windows.shape[:2], -1)
    return rows @ kernels.reshape(-1, filters)


# max-pool | means | Those are the means
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    whole = maps[: rows * size, : columns * size]
    return whole.reshape(rows, size, columns, size, -1).mean(axis=(1, 3))


# max-pool | the axes in another order | of neighbours in the map
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    whole = maps[: rows * size, : columns * size]
    return whole.reshape(size, rows, size, columns, -1).max(axis=(0, 2))


# max-pool | odd sizes not cut | cannot reshape
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    return maps.reshape(rows, size, columns, size, -1).max(axis=(1, 3))


# max-pool | all channels together | One number per channel
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    whole = maps[: rows * size, : columns * size]
    return whole.reshape(rows, size, columns, size, -1).max(axis=(1, 3, 4))


# max-pool | a loop over windows | loops over pixels
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    found = np.zeros((rows, columns, maps.shape[2]))
    for r in range(rows):
        for c in range(columns):
            window = maps[r * size : (r + 1) * size, c * size : (c + 1) * size]
            found[r, c] = window.max(axis=(0, 1))
    return found


# max-pool | a map over the rows of windows | loops over pixels
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size

    def row(r):
        strip = maps[r * size : (r + 1) * size]
        windows = [strip[:, c * size : (c + 1) * size] for c in range(columns)]
        return [window.max(axis=(0, 1)) for window in windows]

    return map(row, range(rows))


# max-pool | always two | on maps of (7, 6, 2)
def max_pool(maps, size):
    rows, columns = maps.shape[0] // 2, maps.shape[1] // 2
    whole = maps[: rows * 2, : columns * 2]
    return whole.reshape(rows, 2, columns, 2, -1).max(axis=(1, 3))


# max-pool | begins with zeros | filled up with 0
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    found = np.zeros((rows, columns, maps.shape[2]))
    for i, j in np.ndindex(size, size):
        part = maps[i::size, j::size][:rows, :columns]
        found = np.maximum(found, part)
    return found


# max-pool | fills up the border | Wrong shape
def max_pool(maps, size):
    rows, columns = -(-maps.shape[0] // size), -(-maps.shape[1] // size)
    more = rows * size - maps.shape[0], columns * size - maps.shape[1]
    whole = np.pad(maps, ((0, more[0]), (0, more[1]), (0, 0)), mode="edge")
    return whole.reshape(rows, size, columns, size, -1).max(axis=(1, 3))


# max-pool | cut off at the beginning | on maps of (5, 7, 3)
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    whole = maps[-rows * size :, -columns * size :]
    return whole.reshape(rows, size, columns, size, -1).max(axis=(1, 3))


# max-pool | windows that overlap | Wrong shape
def max_pool(maps, size):
    return sliding_window_view(maps, (size, size), axis=(0, 1)).max(axis=(3, 4))


# max-pool | the first of each window | Not right yet
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    return maps[::size, ::size][:rows, :columns]


# max-pool | the largest amount, whatever the sign | Not right yet
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    whole = np.abs(maps[: rows * size, : columns * size])
    return whole.reshape(rows, size, columns, size, -1).max(axis=(1, 3))


# max-pool | windows of a view | right
def max_pool(maps, size):
    windows = sliding_window_view(maps, (size, size), axis=(0, 1))
    return windows[::size, ::size].max(axis=(-2, -1))


# max-pool | a loop over the places of a window | right
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    found = np.full((rows, columns, maps.shape[2]), -np.inf)
    for i in range(size):
        for j in range(size):
            part = maps[i : rows * size : size, j : columns * size : size]
            np.maximum(found, part, out=found)
    return found


# max-pool | Keras, 32 bits | right
def max_pool(maps, size):
    return keras.ops.max_pool(maps[None].astype("float32"), size)[0]


# max-pool | SciPy's filter, taken at every size-th place | right
def max_pool(maps, size):
    rows, columns = maps.shape[0] // size, maps.shape[1] // size
    found = ndimage.maximum_filter(
        maps, (size, size, 1), origin=(-(size // 2),) * 2 + (0,)
    )
    if size % 2 == 1:
        found = ndimage.maximum_filter(maps, (size, size, 1))[size // 2 :, size // 2 :]
    return found[::size, ::size][:rows, :columns]


# receptive-field | right, but turns the caller's list round | changed a list
def receptive_field(steps):
    steps.reverse()
    field = 1
    for kernel, stride in steps:
        field = (field - 1) * stride + kernel
    return field


# receptive-field | the sum of the kernels | adds its size − 1
def receptive_field(steps):
    return sum(kernel for kernel, _ in steps)


# receptive-field | strides ignored | went unnoticed
def receptive_field(steps):
    return 1 + sum(kernel - 1 for kernel, _ in steps)


# receptive-field | first multiplied, then widened | First widen, then multiply
def receptive_field(steps):
    field, distance = 1, 1
    for kernel, stride in steps:
        distance *= stride
        field += (kernel - 1) * distance
    return field


# receptive-field | the last stride only | count for all the steps behind
def receptive_field(steps):
    field, distance = 1, 1
    for kernel, stride in steps:
        field += (kernel - 1) * distance
        distance = stride
    return field


# receptive-field | strides added up | Strides multiply
def receptive_field(steps):
    field, distance = 1, 0
    for kernel, stride in steps:
        field += (kernel - 1) * max(distance, 1)
        distance += stride if stride > 1 else 0
    return field


# receptive-field | backwards, but in the order of the steps | Not right yet
def receptive_field(steps):
    field = 1
    for kernel, stride in steps:
        field = (field - 1) * stride + kernel
    return field


# receptive-field | pooling widens nothing | expected: 13
def receptive_field(steps):
    field, distance = 1, 1
    for kernel, stride in steps:
        field += (kernel - 1) * distance if stride == 1 else 0
        distance *= stride
    return field


# receptive-field | kernels multiplied | Not right yet
def receptive_field(steps):
    return math.prod(kernel * stride for kernel, stride in steps)


# receptive-field | two steps at most | Not right yet
def receptive_field(steps):
    (first, stride), *others = steps
    return first + sum((kernel - 1) * stride for kernel, _ in others[:1])


# receptive-field | distance for field | Not right yet
def receptive_field(steps):
    return math.prod(stride for _, stride in steps)


# receptive-field | twice half the kernel | also where its size is even
def receptive_field(steps):
    field = distance = 1
    for kernel, stride in steps:
        field += 2 * (kernel // 2) * distance
        distance *= stride
    return field


# receptive-field | the pixels that one number follows back to | right
def receptive_field(steps):
    seen = {0}
    for kernel, stride in reversed(steps):
        seen = {place * stride + k for place in seen for k in range(kernel)}
    return len(seen)


# receptive-field | from the last step back | right
def receptive_field(steps):
    field = 1
    for kernel, stride in reversed(steps):
        field = (field - 1) * stride + kernel
    return field


# receptive-field | NumPy's product so far | right
def receptive_field(steps):
    kernels, strides = np.array(steps).T
    distances = np.concatenate([[1], np.cumprod(strides)[:-1]])
    return 1 + ((kernels - 1) * distances).sum()


# receptive-field | recursion | right
def receptive_field(steps):
    if not steps:
        return 1
    (kernel, stride), *rest = steps
    return kernel + stride * (receptive_field(rest) - 1)


# receptive-field | pixel by pixel, a float | right
def receptive_field(steps):
    seen = {0}
    for kernel, stride in steps[::-1]:
        seen = {k * stride + i for k in seen for i in range(kernel)}
    return float(max(seen) - min(seen) + 1)


# receptive-field | never wider than the image | Not right yet | other values
def receptive_field(steps):
    field, distance = 1, 1
    for kernel, stride in steps:
        field, distance = min(28, field + (kernel - 1) * distance), distance * stride
    return field


# diagnose | the first epoch does not count | The first counts. | other values
def diagnose(history):
    loss, v = history["loss"], np.array(history["val_loss"])
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if v[-1] > 1.1 * v[1:].min():
        return "overfitting"
    return "train longer" if v[-1] < 0.97 * v[-4] else "healthy"


# diagnose | a capital letter | one of the four sentences as they are
def diagnose(history):
    loss, v = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "Learning rate too large"
    if v[-1] > 1.1 * min(v):
        return "Overfitting"
    return "Train longer" if v[-1] < 0.97 * v[-4] else "Healthy"


# diagnose | right, but sorts the caller's history | changed a dictionary
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    last, before = val_loss[-1], val_loss[-4]
    val_loss.sort()
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if last > 1.1 * val_loss[0]:
        return "overfitting"
    return "train longer" if last < 0.97 * before else "healthy"


# diagnose | with a full stop | loss:     [2.3, 1.426, 0.897, 0.575]
def diagnose(history):
    return "healthy."


# diagnose | a gap taken for overfitting | the small gap is normal
def diagnose(history):
    if history["val_loss"][-1] > 1.1 * history["loss"][-1]:
        return "overfitting"
    return "healthy"


# diagnose | the training loss only | The validation loss has a lowest point
def diagnose(history):
    loss = history["loss"]
    if loss[-1] >= loss[0]:
        return "learning rate too large"
    return "train longer" if loss[-1] < 0.97 * loss[-4] else "healthy"


# diagnose | blind to nan | The training loss is nan at the end
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if loss[-1] >= loss[0]:
        return "learning rate too large"
    if val_loss[-1] > 1.1 * min(val_loss):
        return "overfitting"
    return "train longer" if val_loss[-1] < 0.97 * val_loss[-4] else "healthy"


# diagnose | asks for nan alone | It was infinite once | other values
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if np.isnan(loss).any() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val_loss[-1] > 1.1 * min(val_loss):
        return "overfitting"
    return "train longer" if val_loss[-1] < 0.97 * val_loss[-4] else "healthy"


# diagnose | looks for nan at the end only | once | other values
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if not np.isfinite(loss[-1]) or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val_loss[-1] > 1.1 * min(val_loss):
        return "overfitting"
    return "train longer" if val_loss[-1] < 0.97 * val_loss[-4] else "healthy"


# diagnose | rule 3 before rule 2 | rule 2 comes before rule 3
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val_loss[-1] < 0.97 * val_loss[-4]:
        return "train longer"
    return "overfitting" if val_loss[-1] > 1.1 * min(val_loss) else "healthy"


# diagnose | rule 2 before rule 1 | Not right yet: the diagnosis of | other values
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if np.isfinite(loss).all() and val_loss[-1] > 1.2 * min(val_loss):
        return "overfitting"
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val_loss[-1] > 1.1 * min(val_loss):
        return "overfitting"
    return "train longer" if val_loss[-1] < 0.97 * val_loss[-4] else "healthy"


# diagnose | equal is below | At the end it is where it began | other values
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] > loss[0]:
        return "learning rate too large"
    if val_loss[-1] > 1.1 * min(val_loss):
        return "overfitting"
    return "train longer" if val_loss[-1] < 0.97 * val_loss[-4] else "healthy"


# diagnose | the last two epochs | Not right yet: the diagnosis of | other values
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val_loss[-1] > 1.1 * min(val_loss):
        return "overfitting"
    return "train longer" if val_loss[-1] < 0.97 * val_loss[-3] else "healthy"


# diagnose | any rise is overfitting | 8 % above the lowest is below 10 % | other values
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val_loss[-1] > min(val_loss):
        return "overfitting"
    return "train longer" if val_loss[-1] < 0.97 * val_loss[-4] else "healthy"


# diagnose | capital letters | expected: 'healthy'
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "Learning rate too large"
    if val_loss[-1] > 1.1 * min(val_loss):
        return "Overfitting"
    return "Train longer" if val_loss[-1] < 0.97 * val_loss[-4] else "Healthy"


# diagnose | 10 % of the end | 10.5 % is above 10 | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if 0.9 * val[-1] > min(val):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * val[-4] else "healthy"


# diagnose | 11.5 % | 10.5 % is above 10 | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val[-1] > 1.115 * min(val):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * val[-4] else "healthy"


# diagnose | 9 % | 9.5 % is below 10 | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val[-1] > 1.09 * min(val):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * val[-4] else "healthy"


# diagnose | the last epochs are not asked | above the lowest | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val[-1] > 1.1 * min(val[:-3]):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * val[-4] else "healthy"


# diagnose | 3 % of the end | It fell by 2.95 % | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val[-1] > 1.1 * min(val):
        return "overfitting"
    return "train longer" if (val[-4] - val[-1]) / val[-1] > 0.03 else "healthy"


# diagnose | the highest of the last four | The last and [-4] | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val[-1] > 1.1 * min(val):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * max(val[-4:]) else "healthy"


# diagnose | the lowest of the last four | Not right yet | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val[-1] > 1.1 * min(val):
        return "overfitting"
    return "train longer" if min(val[-4:]) < 0.97 * val[-4] else "healthy"


# diagnose | finite on both | the training loss alone | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite([*loss, *val]).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val[-1] > 1.1 * min(val):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * val[-4] else "healthy"


# diagnose | rule 1 for either loss | Not right yet: the diagnosis of | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] >= loss[0] or val[-1] >= val[0]:
        return "learning rate too large"
    if val[-1] > 1.1 * min(val):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * val[-4] else "healthy"


# diagnose | by their places | Not right yet: the diagnosis of patient F
def diagnose(history):
    loss, val = history.values()
    if not np.isfinite(loss).all() or loss[-1] >= loss[0]:
        return "learning rate too large"
    if val[-1] > 1.1 * min(val):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * val[-4] else "healthy"


# diagnose | a loss that once rose above its first | It ends below 1.0 | other values
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or max(loss[1:]) >= loss[0]:
        return "learning rate too large"
    if val[-1] > 1.1 * min(val):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * val[-4] else "healthy"


# diagnose | a training loss that left its lowest | Not right yet: the diagnosis of
def diagnose(history):
    loss, val = history["loss"], history["val_loss"]
    if not np.isfinite(loss).all() or loss[-1] > 1.2 * min(loss):
        return "learning rate too large"
    if val[-1] > 1.1 * min(val):
        return "overfitting"
    return "train longer" if val[-1] < 0.97 * val[-4] else "healthy"


# diagnose | overfitting only where the training loss falls | Rule 2 asks | other values
def diagnose(history):
    t, v = history["loss"], history["val_loss"]
    if not np.isfinite(t).all() or t[-1] >= t[0]:
        return "learning rate too large"
    if v[-1] > 1.1 * min(v) and t[-1] < t[-4]:
        return "overfitting"
    return "train longer" if v[-1] < 0.97 * v[-4] else "healthy"


# diagnose | longer only where the training loss falls, too | Rule 3 asks | other values
def diagnose(history):
    t, v = history["loss"], history["val_loss"]
    if not np.isfinite(t).all() or t[-1] >= t[0]:
        return "learning rate too large"
    if v[-1] > 1.1 * min(v):
        return "overfitting"
    return "train longer" if v[-1] < 0.97 * v[-4] and t[-1] <= t[-2] else "healthy"


# diagnose | NumPy | right
def diagnose(history):
    loss, val_loss = np.array(history["loss"]), np.array(history["val_loss"])
    rules = [
        ~np.isfinite(loss).all() | ~(loss[-1] < loss[0]),
        val_loss[-1] / val_loss.min() > 1.1,
        val_loss[-1] / val_loss[-4] < 0.97,
    ]
    names = ["learning rate too large", "overfitting", "train longer"]
    return np.select(rules, names, "healthy")


# diagnose | math and early returns | right
def diagnose(history):
    for x in history["loss"]:
        if math.isnan(x) or math.isinf(x):
            return "learning rate too large"
    if not history["loss"][-1] < history["loss"][0]:
        return "learning rate too large"
    *_, before, _, _, last = history["val_loss"]
    if (last - min(history["val_loss"])) / min(history["val_loss"]) > 0.1:
        return "overfitting"
    return "healthy" if (before - last) / before <= 0.03 else "train longer"


# diagnose | next of a table | right
def diagnose(history):
    loss, val_loss = history["loss"], history["val_loss"]
    table = {
        "learning rate too large": not (
            np.all(np.isfinite(loss)) and loss[-1] < loss[0]
        ),
        "overfitting": val_loss[-1] > sorted(val_loss)[0] * 1.1,
        "train longer": val_loss[-1] < val_loss[-4] * 0.97,
        "healthy": True,
    }
    return next(np.str_(name) for name, holds in table.items() if holds)


# repaired | no input | how large its input is
def repaired_network():
    model = keras.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | not flattened, the shape is shown | came:     (13, 13, 10)
def repaired_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | compiled without a loss | optimizer or loss is missing
def repaired_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", metrics=["accuracy"])
    return model


# repaired | the loss by the name of its answer | right
def repaired_network():
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(8, 3, activation="relu")(image)
    x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    model = keras.Model(image, layers.Dense(10, activation="softmax", name="digit")(x))
    model.compile("adam", {"digit": "sparse_categorical_crossentropy"})
    return model


# repaired | the loss in a list | right
def repaired_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", ["sparse_categorical_crossentropy"], metrics=["accuracy"])
    return model


# repaired | PyTorch's forward in place of Keras' call | Your code stopped in
def repaired_network():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.parts = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten()]

        def forward(self, x):
            for part in self.parts:
                x = part(x)
            return x

    model = Net()
    model(np.zeros((1, 28, 28, 1)))
    return model


# repaired | the friend's | Your code stopped in `repaired_network`
def repaired_network():
    return broken_network()


# repaired | not flattened | flatten first
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | ReLU at the end | The last ReLU
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="relu")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | the loss for one-hot labels | not one-hot
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | softmax and from_logits | not both and not neither
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


# repaired | logits and no from_logits | not both and not neither
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10)]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | never compiled | It is not compiled
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


# repaired | the ReLU removed | the friend's give other numbers
def repaired_network():
    parts = [layers.Conv2D(8, 3), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | averages in place of maxima | the friend's give other numbers
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.AveragePooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | a dropout added | A layer was added
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dropout(0.95)]
    parts += [layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | a hidden layer added | The same network was asked for
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(32, activation="relu")]
    parts += [layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | pooled over the whole map | The same network was asked for
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.GlobalMaxPooling2D()]
    parts += [layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | sigmoid at the end | the friend's give other numbers
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="sigmoid")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | mean squared error | It cannot compare
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "mean_squared_error", metrics=["accuracy"])
    return model


# repaired | hardly learns | own learning rate
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile(keras.optimizers.Adam(1e-6), "sparse_categorical_crossentropy")
    return model


# repaired | already trained | It comes trained
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, verbose=0)
    return model


# repaired | forgets to return | there is no `return`
def repaired_network():
    keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)])


# repaired | eleven neurons | Ten numbers per image.
def repaired_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(11, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | a misspelled loss | Keras knows no loss of this name
def repaired_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_crossentropy")
    return model


# repaired | a loss for one-hot labels, as an object | loss is categorical_crossentropy
def repaired_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", keras.losses.CategoricalCrossentropy())
    return model


# repaired | a loss of its own | Use Keras' own layers and losses
def repaired_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        "adam", lambda truth, p: keras.losses.sparse_categorical_crossentropy(truth, p)
    )
    return model


# repaired | Keras' functions for loss and metric | right
def repaired_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        "adam",
        keras.losses.sparse_categorical_crossentropy,
        metrics=[keras.metrics.sparse_categorical_accuracy],
    )
    return model


# repaired | functional, activations as layers, Reshape | right
def repaired_network():
    image = keras.Input((28, 28, 1))
    x = layers.ReLU()(layers.Conv2D(8, (3, 3))(image))
    x = layers.Reshape((-1,))(layers.MaxPooling2D(strides=2)(x))
    model = keras.Model(image, layers.Softmax()(layers.Dense(10)(x)))
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(keras.optimizers.Adam(0.001), loss, metrics=["accuracy"])
    return model


# repaired | logits, and a loss for them | right
def repaired_network():
    model = keras.Sequential()
    model.add(keras.Input(shape=(28, 28, 1)))
    model.add(layers.Conv2D(8, 3, padding="valid", activation="relu"))
    model.add(layers.MaxPool2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(10, activation="linear"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    return model


# repaired | built from its parts' settings, another batch of metrics | right
def repaired_network():
    parts = [
        keras.Input((28, 28, 1)),
        layers.Conv2D(8, kernel_size=3, activation=keras.activations.relu),
        layers.MaxPooling2D(pool_size=2),
        layers.Flatten(),
        layers.Dense(10, activation=keras.activations.softmax),
    ]
    model = keras.Sequential(parts, name="repaired")
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.sparse_categorical_crossentropy,
        metrics=["sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy"],
    )
    return model


# repaired | a metric for one-hot labels | none of its metrics says so
def repaired_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["categorical_accuracy"]
    )
    return model


# repaired | another optimizer | The friend's optimizer works
def repaired_network():
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | a penalty on the weights | frozen, or given a penalty
def repaired_network():
    conv = layers.Conv2D(8, 3, activation="relu", kernel_regularizer="l2")
    parts = [conv, layers.MaxPooling2D(2), layers.Flatten()]
    parts += [layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | the kernels frozen | frozen, or given a penalty
def repaired_network():
    conv = layers.Conv2D(8, 3, activation="relu", trainable=False)
    parts = [conv, layers.MaxPooling2D(2), layers.Flatten()]
    parts += [layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# repaired | a model within a model, Adam in another spelling | right
def repaired_network():
    eyes = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)]
    eyes = keras.Sequential([keras.Input((28, 28, 1)), *eyes])
    model = keras.Sequential([eyes, layers.Flatten(), layers.Dense(10)])
    model.add(layers.Softmax())
    model.compile(loss="sparse_categorical_crossentropy", optimizer="Adam")
    return model


# small | far too large | Expected at most 20,000
def small_network():
    parts = [layers.Conv2D(16, 3, activation="relu"), layers.Flatten()]
    parts += [layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


# small | no convolution | Expected more than 95.0%
def small_network():
    parts = [layers.Flatten(), layers.Dense(16, activation="relu")]
    parts += [layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


# small | no softmax | Ten probabilities: softmax
def small_network():
    parts = [layers.Conv2D(8, 3, strides=3), layers.Flatten(), layers.Dense(10)]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


# small | one answer for each place | Wrong shape: the shape of one answer
def small_network():
    parts = [layers.Conv2D(8, 3, strides=3), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


# small | linear between its layers | Expected more than 95.0%
def small_network():
    parts = [layers.Conv2D(4, 5, strides=4), layers.Flatten()]
    parts += [layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


# small | comes trained | It comes trained
def small_network():
    parts = [layers.Conv2D(8, 5, strides=2, activation="relu"), layers.MaxPooling2D(2)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x_val, y_val, epochs=3, verbose=0)
    return model


# small | a function in a Lambda | Use Keras' own layers
def small_network():
    parts = [layers.Lambda(lambda x: x * 2), layers.Conv2D(8, 5, strides=4)]
    parts += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


# small | a description in place of a model | Expected a Keras model
def small_network():
    return [layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(10)]


# small | a layer of its own, registered | Use Keras' own layers
def small_network():
    @keras.saving.register_keras_serializable("mine")
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    parts = [Twice(), layers.Flatten(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


# small | flat images | Wrong shape: the shape of one image
def small_network():
    parts = [layers.Dense(16), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((784,)), *parts])


# small | functional, with a shortcut | right
def small_network():
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(12, 5, strides=2, padding="same", use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    y = layers.Conv2D(12, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(y) + x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.ReLU()(layers.Conv2D(16, 3, padding="same")(x))
    return keras.Model(image, layers.Dense(10, "softmax")(layers.Flatten()(x)))


# small | separable convolutions, compiled for nothing | right
def small_network():
    model = keras.Sequential([keras.Input((28, 28, 1))])
    model.add(layers.Rescaling(2.0, offset=-1.0))
    model.add(layers.Conv2D(16, 5, strides=2, padding="same"))
    for filters in (32, 32):
        model.add(layers.BatchNormalization(momentum=0.8))
        model.add(layers.Activation("relu"))
        model.add(layers.SeparableConv2D(filters, 3, padding="same", use_bias=False))
    model.add(layers.MaxPooling2D(2))
    model.add(layers.BatchNormalization(momentum=0.8))
    model.add(layers.Activation("relu"))
    model.add(layers.Flatten())
    model.add(layers.Dense(10))
    model.add(layers.Softmax())
    model.compile("sgd", "mse")
    return model


# small | a network inside of a network | right
def small_network():
    eye = [keras.Input((28, 28, 1)), layers.ZeroPadding2D(1)]
    for filters in (8, 16):
        eye += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(2)]
    head = [layers.Conv2D(24, 3, activation="relu"), layers.Flatten(), layers.Dense(10)]
    return keras.Sequential(
        [keras.Sequential(eye), *head, layers.Activation("softmax")]
    )
