"""Playing through models as the guitar is played: the sound, its figures, the device.

`Rig` is everything between input and output and knows no device; `device` is the only
module that asks PortAudio, and imports it when it does.
"""

from jaxamp.stream.live.meters import Times
from jaxamp.stream.live.rig import Rig, Settings
from jaxamp.stream.live.voice import Voice

__all__ = ["Rig", "Settings", "Times", "Voice"]
