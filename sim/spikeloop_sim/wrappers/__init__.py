"""Wrappers that give event tensors as observations."""

from spikeloop_sim.wrappers.event_camera import EventCameraObservation
from spikeloop_sim.wrappers.picture_events import PictureEventObservation
from spikeloop_sim.wrappers.tensors import FORMS

__all__ = ["FORMS", "EventCameraObservation", "PictureEventObservation"]
