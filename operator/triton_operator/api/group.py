"""The API group, its version, and the one field manager under which the operator writes."""

GROUP = "serving.triton-operator.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
FIELD_MANAGER = f"{GROUP}/controller"
