# What is architectural about privilege: delivery, segments, far transfers, control registers, MSRs.
trapd_libtrapd_a_SOURCES += \
	trapd/deliver.c \
	trapd/deliver.h \
	trapd/desc.c \
	trapd/desc.h \
	trapd/seg.c \
	trapd/seg.h \
	trapd/stack.c \
	trapd/stack.h \
	trapd/tss.c \
	trapd/tss.h
