"""What a model file may use: the classes, functions and operations that compute and do no more.

The lists are written out and not asked of the installed packages, so that a new version of Keras or
TensorFlow opens nothing by itself. Left out on purpose is everything that runs code it is given,
or opens files by name: Lambda, TFSMLayer, TorchModuleWrapper, JaxLayer, FlaxLayer, loops over
functions.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYERS = _words("""
Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D
AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization Bidirectional
CategoryEncoding CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D
Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D
Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D
Convolution3DTranspose Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM CutMix Dense
DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding
Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D
GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D
GlobalMaxPooling3D GroupNormalization GroupQueryAttention HashedCrossing Hashing Identity
InputLayer IntegerLookup LSTM LSTMCell LayerNormalization LeakyReLU LocallyConnected1D
LocallyConnected2D Masking MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D MaxPooling1D
MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp MultiHeadAttention Multiply
Normalization PReLU
Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration
RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip
RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective
RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D SeparableConvolution1D
SeparableConvolution2D SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D
SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract
SyncBatchNormalization TextVectorization ThresholdedReLU TimeDistributed UnitNormalization
UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
""")
"""Layers of Keras 2 and 3, as ``keras.layers`` exports them."""

QUANTIZERS = _words("""
AbsMaxQuantizer Float8QuantizationConfig Int4QuantizationConfig Int8QuantizationConfig
""")
"""Classes in ``keras.quantizers``; those that calibrate with data of their own are left out."""

INITIALIZERS = _words("""
Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal
LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal
VarianceScaling Zeros constant glorot_normal glorot_uniform he_normal he_uniform identity
lecun_normal lecun_uniform ones orthogonal random_normal random_uniform truncated_normal
variance_scaling zeros
""")
"""Classes and names in ``keras.initializers``."""

REGULARIZERS = _words("""
L1 L1L2 L2 OrthogonalRegularizer l1 l1_l2 l2 orthogonal_regularizer
""")
"""Classes and names in ``keras.regularizers``."""

CONSTRAINTS = _words("""
MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm max_norm min_max_norm non_neg
radial_constraint unit_norm
""")
"""Classes and names in ``keras.constraints``."""

ACTIVATIONS = _words("""
celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu
linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus
softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink
""")
"""Functions in ``keras.activations``."""

OPERATIONS = {
    "core": _words("""
Cast ConvertToTensor SaturateCast Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack
"""),
    "einops": _words("""
Rearrange
"""),
    "image": _words("""
AffineTransform CropImages ElasticTransform ExtractPatches GaussianBlur HSVToRGB MapCoordinates
PadImages PerspectiveTransform RGBToGrayscale RGBToHSV Resize SSIM ScaleAndTranslate SobelEdges
"""),
    "linalg": _words("""
Cholesky CholeskyInverse Det Eig Eigh Inv Lstsq LuFactor MatrixRank Norm Pinv Qr SVD Solve
SolveTriangular
"""),
    "math": _words("""
CDist Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT InTopK Logdet Logsumexp RFFT Rsqrt
SegmentMax SegmentMin SegmentProd SegmentReduction SegmentSum TopK ViewAsComplex ViewAsReal
"""),
    "nn": _words("""
AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm BinaryCrossentropy CTCDecode CTCLoss
CategoricalCrossentropy Celu Conv ConvTranspose DepthToSpace DepthwiseConv DotProductAttention
Elu Fold Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid
LogSoftmax MaxPool Moments MultiHot Normalize OneHot PSNR Polar RMSNorm Relu Relu6 Selu
SeparableConv Sigmoid Silu SoftShrink Softmax Softplus Softsign SpaceToDepth
SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold
Unfold
"""),
    "numpy": _words("""
Abs Absolute Add All AllClose Amax Amin Angle Any Append Arccos Arccosh Arcsin Arcsinh Arctan
Arctan2 Arctanh Argmax Argmin Argpartition Argsort ArraySplit Average Bincount BitwiseAnd
BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo
Cbrt Ceil Clip Concatenate Conj Conjugate Copy Corrcoef Correlate Cos Cosh CountNonzero Cross
Cumprod Cumsum Deg2rad Diag Diagflat Diagonal Diff Digitize Divide DivideNoNan Dot Dsplit Dstack
Einsum EmptyLike Equal Exp Exp2 ExpandDims Expm1 Fabs Flip Fliplr Flipud Floor FloorDivide Fmax
Fmin Fmod FullLike Gcd GetItem Greater GreaterEqual Heaviside Histogram Hsplit Hstack Hypot I0
Imag Inner IsIn Isclose Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron Lcm Ldexp LeftShift
Less LessEqual Linspace Log Log10 Log1p Log2 Logaddexp Logaddexp2 LogicalAnd LogicalNot
LogicalOr LogicalXor Logspace Matmul Max Maximum Mean Median Meshgrid Min Minimum Mod Moveaxis
Multiply NanToNum Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin
Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim Negative Nextafter Nonzero NotEqual
OnesLike Outer Pad Percentile Power Prod Ptp Quantile Rad2deg Ravel Real Reciprocal Repeat
Reshape RightShift Roll Rot90 Round SearchSorted Select Sign Signbit Sin Sinc Sinh Size Slogdet
Sort Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh
Tensordot Tile Trace Transpose Trapezoid Tril Triu TrueDivide Trunc Unique UnravelIndex Var Vdot
View Vsplit Vstack Where ZerosLike
"""),
}
"""Operations of Keras 3, by their module in ``keras.src.ops``."""

TFMOT = _words("""
AllValuesQuantizer Default8BitActivationQuantizeConfig Default8BitConvQuantizeConfig
Default8BitConvTransposeQuantizeConfig Default8BitConvTransposeWeightsQuantizer
Default8BitConvWeightsQuantizer Default8BitOutputQuantizeConfig Default8BitQuantizeConfig
Default8BitWeightsQuantizer FixedQuantizer LastValueQuantizer MovingAverageQuantizer
NoOpActivation NoOpQuantizeConfig OutputOnlyConfig QuantizeAnnotate QuantizeAwareActivation
QuantizeLayer QuantizeWrapper QuantizeWrapperV2
""")
"""What tensorflow-model-optimization wraps around layers."""

FUNCTIONS = {
    "": _words("""
abs add argmax argmin argsort batch_to_space bitcast boolean_mask broadcast_to cast clip_by_norm
clip_by_value concat convert_to_tensor cos cosh cumsum divide einsum ensure_shape equal exp
expand_dims eye fill floor gather gather_nd greater greater_equal identity less less_equal
linspace logical_and logical_not logical_or matmul maximum meshgrid minimum multiply negative
norm not_equal one_hot ones_like pad pow range rank reduce_all reduce_any reduce_logsumexp
reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat reshape reverse roll round
saturate_cast scatter_nd searchsorted shape shape_n sigmoid sign sin sinh size slice softmax
sort space_to_batch space_to_batch_nd split sqrt square squeeze stack stop_gradient
strided_slice subtract tan tanh tensor_scatter_nd_add tensor_scatter_nd_update tensordot tile
transpose truncatediv unstack where zeros_like
"""),
    "math": _words("""
abs acos acosh add add_n angle approx_max_k approx_min_k argmax argmin asin asinh atan atan2
atanh bessel_i0 bessel_i0e bessel_i1 bessel_i1e betainc bincount ceil confusion_matrix conj cos
cosh count_nonzero cumprod cumsum cumulative_logsumexp digamma divide divide_no_nan equal erf
erfc erfcinv erfinv exp expm1 floor floordiv floormod greater greater_equal igamma igammac imag
in_top_k invert_permutation is_finite is_inf is_nan is_non_decreasing is_strictly_increasing
l2_normalize lbeta less less_equal lgamma log log1p log_sigmoid log_softmax logical_and
logical_not logical_or logical_xor maximum minimum mod multiply multiply_no_nan ndtri negative
nextafter not_equal polygamma polyval pow real reciprocal reciprocal_no_nan reduce_all
reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod
reduce_std reduce_sum reduce_variance rint round rsqrt scalar_mul segment_max segment_mean
segment_min segment_prod segment_sum sigmoid sign sin sinh sobol_sample softmax softplus
softsign sqrt square squared_difference subtract tan tanh top_k truediv unsorted_segment_max
unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n
unsorted_segment_sum xdivy xlog1py xlogy zero_fraction zeta
"""),
    "nn": _words("""
approx_max_k approx_min_k atrous_conv2d atrous_conv2d_transpose avg_pool avg_pool1d avg_pool2d
avg_pool3d batch_norm_with_global_normalization batch_normalization bias_add collapse_repeated
compute_average_loss conv1d conv1d_transpose conv2d conv2d_transpose conv3d conv3d_transpose
conv_transpose convolution crelu ctc_beam_search_decoder ctc_greedy_decoder ctc_loss
ctc_unique_labels depth_to_space depthwise_conv2d depthwise_conv2d_backprop_filter
depthwise_conv2d_backprop_input dilation2d dropout elu erosion2d fractional_avg_pool
fractional_max_pool gelu in_top_k isotonic_regression l2_loss l2_normalize leaky_relu
local_response_normalization log_poisson_loss log_softmax lrn max_pool max_pool1d max_pool2d
max_pool3d max_pool_with_argmax moments normalize_moments pool relu relu6 selu separable_conv2d
sigmoid sigmoid_cross_entropy_with_logits silu softmax softmax_cross_entropy_with_logits
softplus softsign space_to_batch space_to_depth sparse_softmax_cross_entropy_with_logits
sufficient_statistics swish tanh top_k weighted_cross_entropy_with_logits weighted_moments
zero_fraction
"""),
    "linalg": _words("""
adjoint band_part banded_triangular_solve cholesky cholesky_solve cross det diag diag_part eig
eigh eigh_tridiagonal eigvals eigvalsh einsum expm eye global_norm inv l2_normalize logdet logm
lstsq lu lu_matrix_inverse lu_reconstruct lu_solve matmul matrix_rank matrix_transpose matvec
norm normalize pinv qr set_diag slogdet solve sqrtm svd tensor_diag tensor_diag_part tensordot
trace triangular_solve tridiagonal_matmul tridiagonal_solve
"""),
    "image": _words("""
adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation central_crop
combined_non_max_suppression convert_image_dtype crop_and_resize crop_to_bounding_box
draw_bounding_boxes extract_glimpse extract_patches flip_left_right flip_up_down
generate_bounding_box_proposals grayscale_to_rgb hsv_to_rgb image_gradients non_max_suppression
non_max_suppression_overlaps non_max_suppression_padded non_max_suppression_with_scores
pad_to_bounding_box per_image_standardization psnr resize resize_with_crop_or_pad
resize_with_pad rgb_to_grayscale rgb_to_hsv rgb_to_yiq rgb_to_yuv rot90 sobel_edges ssim
ssim_multiscale total_variation transpose yiq_to_rgb yuv_to_rgb
"""),
    "__operators__": _words("""
abs add and div eq floordiv ge getitem gt invert le lt matmul mod mul ne neg not or pow radd
rand rdiv rfloordiv rmatmul rmod rmul ror rpow rsub rtruediv rxor sub truediv xor
"""),
    "keras.activations": _words("""
celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu
linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus
softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink
"""),
}
"""Functions of TensorFlow that a ``TFOpLambda`` may call, by the module that exports them."""
