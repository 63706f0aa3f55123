// What the page needs of TensorFlow.js; README.md says how tf.js is made of it.
import { registerKernel } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu/dist/base.js";
import { addConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Add.js";
import { avgPoolConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/AvgPool.js";
import { batchMatMulConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/BatchMatMul.js";
import { batchNormConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/BatchNorm.js";
import { castConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Cast.js";
import { conv2DConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Conv2D.js";
import { identityConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Identity.js";
import { maxPoolConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/MaxPool.js";
import { meanConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Mean.js";
import { reluConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Relu.js";
import { reshapeConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Reshape.js";
import { softmaxConfig } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Softmax.js";

[
  addConfig, avgPoolConfig, batchMatMulConfig, batchNormConfig, castConfig, conv2DConfig,
  identityConfig, maxPoolConfig, meanConfig, reluConfig, reshapeConfig, softmaxConfig,
].forEach(registerKernel);

export {
  add, avgPool, batchNorm, conv2d, matMul, maxPool, mean, relu, reshape, softmax,
  tensor, tidy,
} from "@tensorflow/tfjs-core";
