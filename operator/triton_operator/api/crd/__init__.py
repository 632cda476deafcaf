"""CustomResourceDefinitions, generated from the models of this API."""

from triton_operator.api.crd.files import crds_yaml
from triton_operator.api.crd.resource import all_crds
from triton_operator.api.crd.schema import SchemaError

__all__ = ["SchemaError", "all_crds", "crds_yaml"]
