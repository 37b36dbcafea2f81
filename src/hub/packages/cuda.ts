/**
 * The libraries that the CUDA engine and our CUDA kernels need, as Python packages pinned by hash: ONNX Runtime with its CUDA
 * provider, what that provider is linked to, and the compiler of our kernels. The driver (libcuda) comes with the machine's own.
 *
 * Of ONNX Runtime's package its C library and the provider are kept, of NVIDIA's the libraries named here; the runtime's headers
 * serve to build the stand-ins that tests use where there is no GPU. cuDNN and cuFFT are not needed: no graph of ours uses them.
 */
import type { Wheel } from "./wheels.ts";

const NVIDIA = "NVIDIA's own (proprietary)";
const nvidia = (folder: string, ...libraries: string[]) => [
  ...libraries.map((name) => `nvidia/cu13/lib/${name}`),
  `${folder}.dist-info/licenses/License.txt`,
];

/** In the order they are fetched: those first without which the others are of no use. */
export const cudaWheels: readonly Wheel[] = [
  {
    package: "onnxruntime-gpu",
    version: "1.30.0",
    licence: "MIT",
    size: 246_685_715,
    sha256: "6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1",
    kept: [
      "onnxruntime/capi/libonnxruntime.so.1.30.0",
      "onnxruntime/capi/libonnxruntime_providers_cuda.so",
      "onnxruntime/capi/libonnxruntime_providers_shared.so",
      "onnxruntime/LICENSE",
      "onnxruntime/ThirdPartyNotices.txt",
    ],
    bytes: 301_466_673,
  },
  {
    package: "nvidia-cuda-runtime",
    version: "13.0.96",
    licence: NVIDIA,
    size: 2_243_632,
    sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    kept: ["nvidia/cu13/include", ...nvidia("nvidia_cuda_runtime-13.0.96", "libcudart.so.13")],
    bytes: 4_854_872,
  },
  {
    package: "nvidia-cuda-nvrtc",
    version: "13.0.88",
    licence: NVIDIA,
    size: 90_215_200,
    sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
    kept: nvidia("nvidia_cuda_nvrtc-13.0.88", "libnvrtc.so.13", "libnvrtc-builtins.so.13.0"),
    bytes: 113_777_942,
  },
  {
    package: "nvidia-curand",
    version: "10.4.0.35",
    licence: NVIDIA,
    size: 59_544_258,
    sha256: "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
    kept: nvidia("nvidia_curand-10.4.0.35", "libcurand.so.10"),
    bytes: 132_757_590,
  },
  {
    package: "nvidia-cublas",
    version: "13.0.2.14",
    licence: NVIDIA,
    size: 420_882_912,
    sha256: "0cf238ffdbe46c00cb9aa98e7bca745c223a5ca5a53e686ac8b3e5a08fe80d6c",
    kept: nvidia("nvidia_cublas-13.0.2.14", "libcublas.so.13", "libcublasLt.so.13"),
    bytes: 594_032_454,
  },
];
