# The pool looked at from outside: is it what its rules say, what does it translate, what is in it.
noinst_LIBRARIES += poold/pool/audit/libaudit.a
poold_pool_audit_libaudit_a_SOURCES = \
	poold/pool/audit/audit.c \
	poold/pool/audit/audit.h \
	poold/pool/audit/audit_entries.c \
	poold/pool/audit/audit_lists.c \
	poold/pool/audit/audit_monitor.c \
	poold/pool/audit/audit_priv.h \
	poold/pool/audit/audit_rmap.c \
	poold/pool/audit/describe.c \
	poold/pool/audit/digest.c \
	poold/pool/audit/mix.h \
	poold/pool/audit/semantic.c
