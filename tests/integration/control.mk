# shadowctl from the outside.
check_PROGRAMS += tests/integration/json_check tests/integration/odd_daemon
tests_integration_json_check_SOURCES = tests/integration/json_check.c
tests_integration_json_check_LDADD = $(JANSSON_LIBS)
tests_integration_odd_daemon_SOURCES = tests/integration/odd_daemon.c
tests_integration_odd_daemon_LDADD = common/libcommon.a proto/libproto.a $(EVENT_LIBS) $(PROTOBUF_LIBS)

INTEGRATION_TESTS += tests/integration/test_cli
tests_integration_test_cli_LDADD = $(HARNESS_LIBS)
INTEGRATION_TESTS += tests/integration/test_daemon_config
tests_integration_test_daemon_config_LDADD = $(HARNESS_LIBS)

INTEGRATION_TESTS += tests/integration/test_trapd_notify
tests_integration_test_trapd_notify_LDADD = $(HARNESS_LIBS)
