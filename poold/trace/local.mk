# The trace library: calls of the pool as records, written and read.
noinst_LIBRARIES += poold/trace/libtrace.a
poold_trace_libtrace_a_SOURCES = \
	poold/trace/call.c \
	poold/trace/call.h \
	poold/trace/policy.c \
	poold/trace/policy.h \
	poold/trace/trace.h \
	poold/trace/trace_config.c \
	poold/trace/trace_format.c \
	poold/trace/trace_image.c \
	poold/trace/trace_image.h \
	poold/trace/trace_read.c \
	poold/trace/trace_read.h \
	poold/trace/trace_write.c
