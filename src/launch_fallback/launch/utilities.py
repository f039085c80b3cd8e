"""Functions to work with substitutions."""

from launch.core import normalize_to_list_of_substitutions as normalize_to_list_of_substitutions
from launch.core import perform_substitutions as perform_substitutions
