"""Functions to work with substitutions."""

from launch.deferred import module_getattr, perform_substitutions
from launch.substitutions import normalize_to_list_of_substitutions

__all__ = ["normalize_to_list_of_substitutions", "perform_substitutions"]
__getattr__ = module_getattr(__name__)
