/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's configuration as the protobuf message that trapd gets. */
#ifndef SHADOWPOOL_CTL_VM_CONFIG_H
#define SHADOWPOOL_CTL_VM_CONFIG_H

#include "common/vm_conf.h"
#include "control.pb-c.h"

struct vm_config_message {
	Shadowpool__VmConfig config;
	char *image;		/* absolute */
	char *initrd;		/* absolute, or NULL */
	char **modules;		/* absolute */
	char **disks;		/* absolute */
};

/*
 * Fill from conf, which must outlive the message. Paths are made absolute: trapd has another working directory. 0,
 * -ENOMEM.
 */
int vm_config_message(struct vm_config_message *m, const struct vm_conf *conf);
/* Safe after a failure of the above. */
void vm_config_message_free(struct vm_config_message *m);

#endif
