"""The part of the TFLite schema's Python classes that tflconv uses.

Classes that end in ``T`` are plain objects to edit, the others read a buffer in place. Vectors of
numbers are NumPy arrays where they were read and may be lists where they were set. Fields that a
valid file always has are not Optional here, though an empty object starts without them.
"""

from typing import Any, Protocol, TypeAlias

import numpy as np
from flatbuffers import Builder
from flatbuffers.table import Table
from numpy.typing import NDArray

_Integers: TypeAlias = list[int] | NDArray[np.signedinteger[Any]]
_Floats: TypeAlias = list[np.float32] | list[float] | NDArray[np.float32]

class _Options(Protocol):
    """The options of an operator: those that fuse have this field, and others of their own."""

    fusedActivationFunction: int
    def Pack(self, builder: Builder) -> int: ...

class ModelT:
    version: int
    operatorCodes: list[OperatorCodeT]
    subgraphs: list[SubGraphT]
    description: bytes | None
    buffers: list[BufferT]
    metadataBuffer: _Integers | None
    metadata: list[MetadataT] | None
    signatureDefs: list[SignatureDefT] | None
    @classmethod
    def InitFromPackedBuf(cls, buf: bytes, pos: int = 0) -> ModelT: ...
    def Pack(self, builder: Builder) -> int: ...

class OperatorCodeT:
    deprecatedBuiltinCode: int
    customCode: bytes | None
    version: int
    builtinCode: int

class SubGraphT:
    tensors: list[TensorT]
    inputs: _Integers
    outputs: _Integers
    operators: list[OperatorT]
    name: bytes | None

class TensorT:
    shape: _Integers
    type: int
    buffer: int
    name: bytes | None
    quantization: QuantizationParametersT | None
    shapeSignature: _Integers | None
    sparsity: object | None

class QuantizationParametersT:
    min: _Floats | None
    max: _Floats | None
    scale: _Floats | None
    zeroPoint: _Integers | None
    details: object | None
    quantizedDimension: int
    def Pack(self, builder: Builder) -> int: ...

class MaximumMinimumOptionsT:
    def Pack(self, builder: Builder) -> int: ...

class SelectV2OptionsT: ...

class GatherOptionsT:
    axis: int

class MulOptionsT:
    fusedActivationFunction: int
    def Pack(self, builder: Builder) -> int: ...

class OperatorT:
    opcodeIndex: int
    inputs: _Integers
    outputs: _Integers
    builtinOptionsType: int
    builtinOptions: (
        _Options
        | MaximumMinimumOptionsT
        | ReducerOptionsT
        | SelectV2OptionsT
        | GatherOptionsT
        | SoftmaxOptionsT
        | None
    )
    builtinOptions2: _Options | None
    intermediates: _Integers | None

class AddOptionsT:
    fusedActivationFunction: int
    def Pack(self, builder: Builder) -> int: ...

class Conv2DOptionsT:
    fusedActivationFunction: int
    quantizedBiasType: int
    def Pack(self, builder: Builder) -> int: ...

class FullyConnectedOptionsT:
    fusedActivationFunction: int
    quantizedBiasType: int
    def Pack(self, builder: Builder) -> int: ...

class DivOptionsT:
    fusedActivationFunction: int
    def Pack(self, builder: Builder) -> int: ...

class SubOptionsT:
    fusedActivationFunction: int
    def Pack(self, builder: Builder) -> int: ...

class SoftmaxOptionsT:
    beta: float
    def Pack(self, builder: Builder) -> int: ...

class ReducerOptionsT:
    keepDims: bool
    def Pack(self, builder: Builder) -> int: ...

class BufferT:
    data: list[int] | NDArray[np.uint8] | None
    offset: int
    size: int
    def Pack(self, builder: Builder) -> int: ...

class MetadataT:
    name: bytes | None
    buffer: int

class SignatureDefT:
    inputs: list[TensorMapT]
    outputs: list[TensorMapT]
    signatureKey: bytes | None
    subgraphIndex: int

class TensorMapT:
    name: bytes | None
    tensorIndex: int

class Model:
    _tab: Table
    @classmethod
    def GetRootAs(cls, buf: bytes, offset: int = 0) -> Model: ...
    @classmethod
    def ModelBufferHasIdentifier(cls, buf: bytes, offset: int) -> bool: ...
    def Version(self) -> int: ...
    def Description(self) -> bytes | None: ...
    def OperatorCodes(self, j: int) -> OperatorCode: ...
    def OperatorCodesLength(self) -> int: ...
    def Subgraphs(self, j: int) -> SubGraph: ...
    def SubgraphsLength(self) -> int: ...
    def Buffers(self, j: int) -> Buffer: ...
    def BuffersLength(self) -> int: ...
    def Metadata(self, j: int) -> Metadata: ...
    def MetadataLength(self) -> int: ...
    def SignatureDefs(self, j: int) -> SignatureDef: ...
    def SignatureDefsLength(self) -> int: ...

class OperatorCode:
    def DeprecatedBuiltinCode(self) -> int: ...
    def BuiltinCode(self) -> int: ...
    def CustomCode(self) -> bytes | None: ...
    def Version(self) -> int: ...

class SubGraph:
    def Name(self) -> bytes | None: ...
    def Tensors(self, j: int) -> Tensor: ...
    def TensorsLength(self) -> int: ...
    def Operators(self, j: int) -> Operator: ...
    def OperatorsLength(self) -> int: ...
    def Inputs(self, j: int) -> int: ...
    def InputsAsNumpy(self) -> NDArray[np.int32] | int: ...
    def OutputsAsNumpy(self) -> NDArray[np.int32] | int: ...

class Tensor:
    def Name(self) -> bytes | None: ...
    def ShapeAsNumpy(self) -> NDArray[np.int32] | int: ...
    def ShapeSignatureAsNumpy(self) -> NDArray[np.int32] | int: ...
    def Type(self) -> int: ...
    def Buffer(self) -> int: ...
    def Quantization(self) -> QuantizationParameters | None: ...
    def Sparsity(self) -> object | None: ...
    def IsVariable(self) -> bool: ...

class QuantizationParameters:
    _tab: Table
    def ScaleIsNone(self) -> bool: ...
    def ScaleLength(self) -> int: ...
    def ScaleAsNumpy(self) -> NDArray[np.float32]: ...
    def ZeroPointIsNone(self) -> bool: ...
    def ZeroPointAsNumpy(self) -> NDArray[np.int64] | int: ...
    def QuantizedDimension(self) -> int: ...
    def DetailsType(self) -> int: ...
    def Details(self) -> Table | None: ...

class QuantizationDetails:
    BlockwiseQuantization: int

class BlockwiseQuantization:
    def Init(self, buf: bytes, pos: int) -> None: ...
    def BlockSize(self) -> int: ...

class Operator:
    def OpcodeIndex(self) -> int: ...
    def InputsAsNumpy(self) -> NDArray[np.int32] | int: ...
    def OutputsAsNumpy(self) -> NDArray[np.int32] | int: ...
    def BuiltinOptionsType(self) -> int: ...
    def BuiltinOptions(self) -> Table | None: ...
    def CustomOptionsAsNumpy(self) -> NDArray[np.uint8] | int: ...

class Buffer:
    def DataIsNone(self) -> bool: ...
    def DataAsNumpy(self) -> NDArray[np.uint8]: ...
    def Offset(self) -> int: ...
    def Size(self) -> int: ...

class Metadata:
    def Name(self) -> bytes | None: ...
    def Buffer(self) -> int: ...

class TensorMap:
    def Name(self) -> bytes | None: ...
    def TensorIndex(self) -> int: ...

class SignatureDef:
    def Inputs(self, j: int) -> TensorMap: ...
    def InputsLength(self) -> int: ...
    def Outputs(self, j: int) -> TensorMap: ...
    def OutputsLength(self) -> int: ...
    def SignatureKey(self) -> bytes | None: ...

class BuiltinOperator:
    BROADCAST_TO: int
    GATHER: int
    PLACEHOLDER_FOR_GREATER_OP_CODES: int
    RESHAPE: int
    SELECT_V2: int
    ADD: int
    CUSTOM: int
    DEQUANTIZE: int
    DIV: int
    EXP: int
    MAXIMUM: int
    MUL: int
    QUANTIZE: int
    REDUCE_MAX: int
    SLICE: int
    RELU_N1_TO_1: int
    SUB: int
    SUM: int

class TensorType:
    BOOL: int
    FLOAT16: int
    FLOAT32: int
    FLOAT64: int
    INT4: int
    INT8: int
    INT16: int
    INT32: int
    UINT8: int

class ActivationFunctionType:
    NONE: int

class BuiltinOptions:
    AddOptions: int
    DivOptions: int
    FullyConnectedOptions: int
    GatherOptions: int
    MaximumMinimumOptions: int
    MulOptions: int
    SelectV2Options: int
    ReducerOptions: int

def BufferStart(builder: Builder) -> None: ...
def BufferAddData(builder: Builder, data: int) -> None: ...
def BufferEnd(builder: Builder) -> int: ...
def QuantizationParametersStart(builder: Builder) -> None: ...
def QuantizationParametersAddMin(builder: Builder, min: int) -> None: ...
def QuantizationParametersAddMax(builder: Builder, max: int) -> None: ...
def QuantizationParametersAddScale(builder: Builder, scale: int) -> None: ...
def QuantizationParametersAddZeroPoint(builder: Builder, zeroPoint: int) -> None: ...
def QuantizationParametersAddQuantizedDimension(
    builder: Builder, quantizedDimension: int
) -> None: ...
def QuantizationParametersEnd(builder: Builder) -> int: ...
