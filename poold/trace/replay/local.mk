# Records carried out once more, exactly or with another pool.
noinst_LIBRARIES += poold/trace/replay/libreplay.a
poold_trace_replay_libreplay_a_SOURCES = \
	poold/trace/replay/replay.c \
	poold/trace/replay/replay.h \
	poold/trace/replay/replay_compare.c \
	poold/trace/replay/replay_lab.c \
	poold/trace/replay/replay_priv.h \
	poold/trace/replay/replay_states.c
