"""An exported encoder, run by ONNX Runtime on the CPU."""

import hashlib
from typing import final

import numpy as np

from nachash.errors import DamagedError
from nachash.shapes import Float32, UInt8


@final
class OnnxEncoder:
    """Turns pixels into activations; `bits`, `size` and `fingerprint` say which encoder it is."""

    def __init__(self, onnx: bytes, *, threads: int | None = None) -> None:
        """Build the session.

        Args:
            onnx: bytes of the graph: uint8 [batch, size, size, 3] in, float32 [batch, bits] out.
            threads: how many ONNX Runtime may use; None for one per core.

        Raises:
            DamagedError: the bytes are no such graph.
        """
        import onnxruntime as runtime

        options = runtime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads or 0
        # Idle threads sleep instead of spinning: decoding threads need the cores in between.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = runtime.InferenceSession(
                onnx, options, providers=["CPUExecutionProvider"]
            )
            (pixels,), (activations,) = self._session.get_inputs(), self._session.get_outputs()
            _, height, self.size, channels = pixels.shape
            _, self.bits = activations.shape
        except Exception as error:
            raise _damaged(str(error)) from error
        if (pixels.type, height, channels) != ("tensor(uint8)", self.size, 3):
            raise _damaged(f"its input is {pixels.type} {pixels.shape}")
        self._input = pixels.name
        self.fingerprint = hashlib.sha256(onnx).hexdigest()

    def activations(
        self, pixels: UInt8[np.ndarray, "batch size size 3"]
    ) -> Float32[np.ndarray, "batch bits"]:
        """Real activations of a batch of pictures; a bit is `activation > 0`."""
        if not len(pixels):
            return np.zeros((0, self.bits), np.float32)
        (activations,) = self._session.run(None, {self._input: pixels})
        return activations


def _damaged(why: str) -> DamagedError:
    return DamagedError(
        f"the encoder is not an ONNX graph that nachash exported: {why.splitlines()[0]}",
        "train the model, or encode the images, again",
    )
