"""The part of the LiteRT interpreter that tflconv uses."""

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

class QuantizationDetails(TypedDict):
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int32]
    quantized_dimension: int

class Details(TypedDict):
    name: str
    index: int
    shape: NDArray[np.int32]
    shape_signature: NDArray[np.int32]
    dtype: type[np.generic]
    quantization: tuple[float, int]
    quantization_parameters: QuantizationDetails
    sparsity_parameters: dict[str, Any]

class OpDetails(TypedDict):
    index: int
    op_name: str
    inputs: NDArray[np.int32]
    outputs: NDArray[np.int32]

class Interpreter:
    def __init__(
        self,
        model_path: str | None = None,
        model_content: bytes | None = None,
        *,
        num_threads: int | None = None,
        experimental_preserve_all_tensors: bool = False,
    ) -> None: ...
    def allocate_tensors(self) -> None: ...
    def get_input_details(self) -> list[Details]: ...
    def get_output_details(self) -> list[Details]: ...
    def set_tensor(self, tensor_index: int, value: NDArray[Any]) -> None: ...
    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> NDArray[Any]: ...
    def invoke(self) -> None: ...
    def _get_ops_details(self) -> list[OpDetails]: ...
