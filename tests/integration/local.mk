# Rules of tests/integration/.
include tests/integration/poold.mk
include tests/integration/control.mk
include tests/integration/run.mk
