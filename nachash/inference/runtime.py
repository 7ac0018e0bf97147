"""ONNX Runtime, imported here and nowhere else: without reports, in bounded memory, interruptible.

Give it only graphs that `encoder_graph.checked` has passed.
"""

import concurrent.futures
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

import numpy as np

from nachash import telemetry
from nachash.cores import cores_for_native_threads
from nachash.shapes import UInt8

if TYPE_CHECKING:
    import onnxruntime

T = TypeVar("T")

# Room for what a graph computes, beside its weights and what is made of them for speed.
ROOM: Final = 1 << 30
_OF_WEIGHTS: Final = 3
_SECONDS_TO_STOP: Final = 5.0  # an operator that has begun is not cut short
_registering = threading.Lock()


class OutOfRoomError(Exception):
    """A run that needs more memory than a graph may have."""


class RunError(Exception):
    """ONNX Runtime's refusal of a graph, or an error while it ran; the sentence is its own."""


@final
class Session:
    """A graph that is ready to run."""

    def __init__(self, graph: bytes, threads: int | None) -> None:
        """Load a graph; `threads` None is what suits the cores that this process may use.

        Raises:
            RunError: ONNX Runtime does not accept it.
        """
        runtime = _runtime()
        options = _options(runtime, threads)
        with _registering:
            # The next session takes the allocator that was registered last.
            runtime.create_and_register_allocator(_memory(runtime), _bounds(runtime, len(graph)))
            self._session = interruptible(
                lambda: runtime.InferenceSession(
                    graph,
                    options,
                    providers=["CPUExecutionProvider"],
                    # Folds constants in memory of its own, without a bound. Exported graphs have
                    # hardly any: codes and times are the same without.
                    disabled_optimizers=["ConstantFolding"],
                ),
                lambda: options.set_load_cancellation_flag(True),
            )
        self._run_options = runtime.RunOptions

    def run(self, name: str, pixels: UInt8[np.ndarray, "batch size size 3"]) -> np.ndarray:
        """The only output, of whatever shape, for pixels given to the input `name`.

        Raises:
            OutOfRoomError: the batch takes more memory than the graph may have.
            RunError: the graph cannot be run on these pixels.
        """
        options = self._run_options()

        def stop() -> None:
            options.terminate = True

        (found,) = interruptible(lambda: self._session.run(None, {name: pixels}, options), stop)
        return found


def interruptible(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """What `work` gives; Ctrl-C, which native code does not notice, calls `stop` and goes on.

    Python runs a handler of signals in the main thread, between two of its own instructions. So
    the main thread waits, and another one works.

    Raises:
        OutOfRoomError, RunError: for the errors of ONNX Runtime.
    """
    if threading.current_thread() is not threading.main_thread():
        return _translated(work)
    answer: concurrent.futures.Future[T] = concurrent.futures.Future()

    def worked() -> None:
        try:
            answer.set_result(_translated(work))
        except BaseException as error:  # noqa: BLE001 (handed to the one who waits)
            answer.set_exception(error)

    try:
        # A thread that one long operator keeps from ending must not hold up the exit.
        threading.Thread(target=worked, name="nachash-onnx", daemon=True).start()
        # Waiting without a limit cannot be interrupted on Windows.
        while not concurrent.futures.wait((answer,), timeout=1.0).done:
            pass
    except KeyboardInterrupt:
        stop()
        concurrent.futures.wait((answer,), timeout=_SECONDS_TO_STOP)
        raise
    return answer.result()


def _translated(work: Callable[[], T]) -> T:
    try:
        return work()
    except Exception as error:
        sentence = str(error)
        if "smaller than requested bytes" in sentence or "bad_alloc" in sentence:
            raise OutOfRoomError(sentence) from error
        raise RunError(sentence.partition("\n")[0]) from error


def _runtime() -> Any:
    telemetry.switch_off()
    import onnxruntime

    # For a program that had imported it before nachash: what comes from now on stays here.
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _options(runtime: Any, threads: int | None) -> "onnxruntime.SessionOptions":
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is told once, by us
    options.intra_op_num_threads = threads or cores_for_native_threads()
    # Idle threads sleep instead of spinning: decoding threads need the cores in between.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    # Otherwise the bytes decide, and a file can be two formats at once.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return options


def _memory(runtime: Any) -> Any:
    return runtime.OrtMemoryInfo(
        "Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT
    )


def _bounds(runtime: Any, graph: int) -> Any:
    """What a graph of so many bytes may take."""
    return runtime.OrtArenaCfg(
        {
            "max_mem": ROOM + _OF_WEIGHTS * graph,
            "arena_extend_strategy": 1,  # as much as is needed, not twice as much
            "initial_chunk_size_bytes": -1,
            "max_dead_bytes_per_chunk": -1,
        }
    )
