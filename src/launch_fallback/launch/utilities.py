"""Functions to work with substitutions."""

from launch.core import LaunchContext, Substitution, normalize_to_list_of_substitutions

__all__ = ["normalize_to_list_of_substitutions", "perform_substitutions"]


def perform_substitutions(context: LaunchContext, subs: list[Substitution]) -> str:
    """Join the texts of substitutions."""
    return context.perform_substitution(subs)
