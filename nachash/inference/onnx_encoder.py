"""An exported encoder, run by ONNX Runtime on the CPU."""

import hashlib
from typing import final

import numpy as np

from nachash.errors import DamagedError
from nachash.inference import encoder_graph
from nachash.inference.encoder_graph import ForeignGraphError
from nachash.inference.runtime import ROOM, OutOfRoomError, RunError, Session
from nachash.inference.small_weights import multiplied_out
from nachash.shapes import Float32, UInt8


@final
class OnnxEncoder:
    """Turns pixels into activations; `bits`, `size` and `fingerprint` say which encoder it is."""

    def __init__(self, onnx: bytes, *, threads: int | None = None) -> None:
        """Check the graph and build the session.

        Args:
            onnx: bytes of the graph: uint8 [batch, size, size, 3] in, float32 [batch, bits] out.
            threads: how many ONNX Runtime may use; None for one per core.

        Raises:
            DamagedError: the bytes are no graph that nachash exports.
        """
        try:
            self._graph = encoder_graph.checked(onnx)
            self._session = Session(multiplied_out(onnx), threads)
        except (ForeignGraphError, RunError) as error:
            raise _damaged(str(error)) from error
        except OutOfRoomError as error:
            raise _too_large() from error
        self.size, self.bits = self._graph.size, self._graph.outputs
        self._at_once: int | None = None  # pictures that fitted into memory, once some did not
        self.fingerprint = hashlib.sha256(onnx).hexdigest()

    def activations(
        self, pixels: UInt8[np.ndarray, "batch size size 3"]
    ) -> Float32[np.ndarray, "batch bits"]:
        """Real activations of a batch of pictures; a bit is `activation > 0`.

        A batch that takes too much memory is worked on in parts.

        Raises:
            DamagedError: the graph cannot be run, or gives something else than it says.
        """
        found = [np.zeros((0, self.bits), np.float32)]
        start = 0
        while start < len(pixels):
            part = pixels[start : start + (self._at_once or len(pixels))]
            try:
                found.append(self._checked_run(part))
            except OutOfRoomError as error:
                if len(part) == 1:
                    raise _too_large() from error
                self._at_once = len(part) // 2
            else:
                start += len(part)
        return found[1] if len(found) == 2 else np.concatenate(found)

    def _checked_run(
        self, pixels: UInt8[np.ndarray, "batch size size 3"]
    ) -> Float32[np.ndarray, "batch bits"]:
        try:
            found = self._session.run(self._graph.input, pixels)
        except RunError as error:
            raise _damaged(str(error)) from error
        if found.shape != (len(pixels), self.bits):
            raise _damaged(f"it gives {list(found.shape)} for {len(pixels)} pictures")
        return found


def _damaged(why: str) -> DamagedError:
    return DamagedError(
        f"the encoder is not an ONNX graph that nachash exported: {why}",
        "train the model, or encode the images, again",
    )


def _too_large() -> DamagedError:
    return DamagedError(
        f"the encoder needs more than {ROOM / 2**30:.0f} GiB of memory for one picture",
        "train the model with a smaller --size or another --backbone",
    )
