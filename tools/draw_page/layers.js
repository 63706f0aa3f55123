// The networks: layers as networks.py describes them, computed by TensorFlow.js.
const FIRST_LETTER = 0x3000; // of the letters that a weight may be, as in networks.py

const plus = (x, bias) => (bias ? tf.add(x, bias) : x);
const ACTIVATIONS = { linear: (x) => x, relu: tf.relu, softmax: tf.softmax };
const LAYERS = {
  Activation: (x) => x, // every layer's activation follows below
  AveragePooling2D: (x, { pool_size, strides, padding }) =>
    tf.avgPool(x, pool_size, strides, padding),
  BatchNormalization: (x, { moving_mean, moving_variance, beta, gamma, epsilon }) =>
    tf.batchNorm(x, moving_mean, moving_variance, beta, gamma, epsilon),
  Conv2D: (x, { kernel, bias, strides, padding, dilation_rate }) =>
    plus(tf.conv2d(x, kernel, strides, padding, "NHWC", dilation_rate), bias),
  Dense: (x, { kernel, bias }) => plus(tf.matMul(x, kernel), bias),
  Dropout: (x) => x, // drops nothing when it does not train
  Flatten: (x) => tf.reshape(x, [1, -1]),
  GlobalAveragePooling2D: (x) => tf.mean(x, [1, 2]),
  MaxPooling2D: (x, { pool_size, strides, padding }) =>
    tf.maxPool(x, pool_size, strides, padding),
  ReLU: (x) => tf.relu(x),
  Reshape: (x, { target_shape }) => tf.reshape(x, [1, ...target_shape]),
};

// A weight's tensor: each letter is a number of steps above the lowest value.
function unpacked({ shape, values, low, step, letters }) {
  const size = shape.reduce((a, b) => a * b, 1);
  const number = values
    ? (_, k) => values[k]
    : (_, k) => low + step * (letters.charCodeAt(k) - FIRST_LETTER);
  return tf.tensor(Float32Array.from({ length: size }, number), shape);
}

// A function from an image to the ten probabilities and to the feature maps on the way.
function loaded({ shape, layers }) {
  const made = layers.map(({ weights, ...settings }) => {
    const tensors = Object.entries(weights).map(([name, weight]) => [name, unpacked(weight)]);
    return { ...settings, ...Object.fromEntries(tensors) };
  });
  return function read(image) {
    return tf.tidy(() => {
      const maps = [];
      let x = tf.tensor(image, [1, ...shape]);
      for (const layer of made) {
        x = ACTIVATIONS[layer.activation ?? "linear"](LAYERS[layer.kind](x, layer));
        if (layer.shown) {
          const name = `layer ${maps.length + 1}`;
          maps.push({ name, shape: x.shape.slice(1), values: x.dataSync() });
        }
      }
      return { probabilities: Array.from(x.dataSync()), maps };
    });
  };
}

async function loadAll(size) {
  const entries = Object.entries(NETWORKS).map(([name, network]) => [name, loaded(network)]);
  entries.forEach(([, read]) => read(new Float32Array(size))); // not at the first stroke
  return Object.fromEntries(entries);
}
