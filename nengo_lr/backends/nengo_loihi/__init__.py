"""Tell what to use instead of our rules on nengo-loihi, which knows plain PES alone."""

from nengo_lr.backends.nengo_loihi.host import NengoLoihi

HOST = NengoLoihi
