from typing import Any

from tflconv.core.typing import Tensor

def fake_quant_with_min_max_args(
    inputs: Tensor, min: float, max: float, num_bits: int = 8, narrow_range: bool = False
) -> Tensor: ...
def __getattr__(name: str) -> Any: ...
