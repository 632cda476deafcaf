"""Every reason with which a model is refused or not fetched, so that status and docs agree.

A reason says what kind of thing is wrong; the message beside it says where, and what to do.
"""

NOT_A_MODEL = "NotAModel"
"""The bytes are no complete, consistent model of the stated format."""

FORMAT_NOT_SUPPORTED = "FormatNotSupported"
"""The stated format is none of those that there are."""

UNSUPPORTED_TYPE = "UnsupportedType"
"""An input or output has an element type, or a kind, that Triton's protocol cannot carry."""

UNSUPPORTED_SHAPE = "UnsupportedShape"
"""An input or output has no known number of axes, or too many of them."""

UNSUPPORTED_NAME = "UnsupportedName"
"""An input or output has a name that cannot be kept: empty, too long, or not printable."""

UNSUPPORTED_OPERATOR = "UnsupportedOperator"
"""A node needs an operator that ONNX Runtime does not have, or that loads code or files."""

NO_INPUTS = "NoInputs"
"""The graph has no input that a request could fill."""

NO_OUTPUTS = "NoOutputs"
"""The graph has no output."""

TENSOR_TOO_LARGE = "TensorTooLarge"
"""An input or output is larger than one message to Triton may be."""

MODEL_TOO_LARGE = "ModelTooLarge"
"""A file, or all together, is larger than allowed; or the graph has too many parts."""

PARSER_FAILED = "ParserFailed"
"""The confined parser died: out of memory or CPU time, or crashed on this file."""

EXTERNAL_DATA_REFUSED = "ExternalDataRefused"
"""A file of external data has a forbidden name, is a link, is missing, or is too short."""

REPOSITORY_REFUSED = "RepositoryRefused"
"""A model repository has a wrong layout or a wrong config.pbtxt, or names that cannot be kept."""

ARCHIVE_REFUSED = "ArchiveRefused"
"""An archive is damaged, unpacks to far more than it has, or holds links or devices."""

CODE_NOT_ALLOWED = "CodeNotAllowed"
"""The model executes code, and the namespace is not one that may."""

DIGEST_MISMATCH = "DigestMismatch"
"""The bytes are not the ones that were pinned."""

SOURCE_NOT_FOUND = "SourceNotFound"
"""There is nothing at this address."""

SOURCE_FORBIDDEN = "SourceForbidden"
"""The store wants other credentials, or a path leaves its volume."""

SOURCE_NOT_TRUSTED = "SourceNotTrusted"
"""The store's TLS certificate is not signed by a known authority."""

SOURCE_UNAVAILABLE = "SourceUnavailable"
"""The store does not answer, breaks off, or answers with a server error; later may work."""

SOURCE_TIMEOUT = "SourceTimeout"
"""The file did not arrive in the time allowed."""

SOURCE_MISBEHAVES = "SourceMisbehaves"
"""The store answers with something that is not the plain file: compressed, of unknown length …"""

REDIRECT_REFUSED = "RedirectRefused"
"""A redirect leaves https, has no target, or there are too many."""

UNSUPPORTED_SOURCE = "UnsupportedSource"
"""The address has a scheme that cannot be fetched yet, or is malformed."""

CREDENTIALS_INVALID = "CredentialsInvalid"
"""The mounted Secret holds something that cannot be used."""

CONVERSION_REFUSED = "ConversionRefused"
"""A node, a tensor or the operator set stands against the precision that is wanted."""

MODEL_DOES_NOT_RUN = "ModelDoesNotRun"
"""ONNX Runtime does not load the model, or fails while it runs on the samples."""

MODELS_DIFFER = "ModelsDiffer"
"""Two models that are to be compared do not take and give the same tensors."""

SAMPLES_REQUIRED = "SamplesRequired"
"""Something can only be done with real inputs, and none were given."""

SAMPLES_REFUSED = "SamplesRefused"
"""The .npz is damaged, or does not have what the model takes."""

WRITE_FAILED = "WriteFailed"
"""The folder for the model cannot be written: full, or not writable."""

REPORT_TOO_LARGE = "ReportTooLarge"
"""The facts do not fit into a termination message, even compressed."""

INVALID_ARGUMENTS = "InvalidArguments"
"""The command was called wrongly."""

INTERRUPTED = "Interrupted"
"""The process was asked to stop before it was done."""

INTERNAL_ERROR = "InternalError"
"""A defect of this program: the message has its type and text."""

TRITON_UNREACHABLE = "TritonUnreachable"
"""Nothing answers where the Triton to measure should be."""

TRITON_MISBEHAVES = "TritonMisbehaves"
"""What answers there does not answer as Triton does."""

MODEL_NOT_LOADED = "ModelNotLoaded"
"""Triton did not load the model in the time allowed; its own log says why."""

REQUEST_REFUSED = "RequestRefused"
"""Triton answers a request of the measurement with an error."""

MEASUREMENT_DISTURBED = "MeasurementDisturbed"
"""Others sent requests to the model while it was measured: no number would be true."""
