/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IDE channel by ATA/ATAPI-6, with files in memory as disks: every command, its interrupt, its errors. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fakes/fake_platform.h"
#include "trapd/devices/ide.h"

#define SECTORS	2048u

enum { DATA = 0x1f0, ERROR, COUNT, LOW, MID, HIGH, DEVICE, STATUS, CONTROL = 0x3f6 };

static struct fake_platform p;
static struct disk disk[2];
static uint8_t sector[DISK_SECTOR];

/* Byte i of sector n. */
static uint8_t pattern(uint64_t n, unsigned i)
{
	return (uint8_t)(n * 3 + i);
}

static void add(unsigned ndisks)
{
	for (unsigned d = 0; d < 2; d++) {
		disk[d] = (struct disk){ .fd = -1 };
		if (d >= ndisks)
			continue;
		disk[d].fd = memfd_create("disk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		disk[d].sectors = SECTORS;
		for (unsigned n = 0; n < SECTORS; n++) {
			for (unsigned i = 0; i < DISK_SECTOR; i++)
				sector[i] = (uint8_t)(pattern(n, i) + d);
			cr_assert_eq(disk_write(&disk[d], n, 1, sector), 0);
		}
	}
	cr_assert_eq(ide_add(p.bus, p.irqs, disk), 0);
}

static void setup(void)
{
	fake_platform_create(&p);
}

static void teardown(void)
{
	fake_platform_destroy(&p);
}

TestSuite(ide, .init = setup, .fini = teardown);

static void address(unsigned drive, uint64_t lba, unsigned count)
{
	fake_out(&p, DEVICE, (uint8_t)(0xe0 | drive << 4 | (lba >> 24 & 15)));
	fake_out(&p, COUNT, (uint8_t)count);
	fake_out(&p, LOW, (uint8_t)lba);
	fake_out(&p, MID, (uint8_t)(lba >> 8));
	fake_out(&p, HIGH, (uint8_t)(lba >> 16));
}

/* LBA48: the high halves first. */
static void address48(uint64_t lba, unsigned count)
{
	fake_out(&p, DEVICE, 0xe0);
	for (unsigned half = 0; half < 2; half++) {
		fake_out(&p, COUNT, (uint8_t)(half ? count : count >> 8));
		for (unsigned i = 0; i < 3; i++)
			fake_out(&p, (uint16_t)(LOW + i), (uint8_t)(lba >> (i * 8 + (half ? 0 : 24))));
	}
}

static uint8_t command(uint8_t c)
{
	fake_out(&p, STATUS, c);
	return fake_in(&p, CONTROL);	/* leaves the interrupt alone */
}

static void read_block(unsigned bytes, uint8_t *to)
{
	for (unsigned i = 0; i < bytes; i += 2) {
		uint16_t word = (uint16_t)bus_port_read(p.bus, DATA, 2);

		memcpy(to + i, &word, 2);
	}
}

static void write_block(unsigned bytes, const uint8_t *from)
{
	for (unsigned i = 0; i < bytes; i += 4) {
		uint32_t word;

		memcpy(&word, from + i, 4);
		bus_port_write(p.bus, DATA, 4, word);
	}
}

static void expect_sector(const uint8_t *at, uint64_t n)
{
	for (unsigned i = 0; i < DISK_SECTOR; i++)
		cr_assert_eq(at[i], pattern(n, i), "sector %u byte %u", (unsigned)n, i);
}

Test(ide, read_sectors_interrupts_once_for_each)
{
	add(1);
	address(0, 100, 3);
	cr_assert_eq(command(0x20), 0x58);
	for (unsigned n = 0; n < 3; n++) {
		cr_assert(fake_take_irq(&p, IRQ_IDE));
		cr_assert_eq(fake_in(&p, STATUS), 0x58, "DRQ");
		read_block(DISK_SECTOR, sector);
		expect_sector(sector, 100 + n);
	}
	cr_assert_eq(fake_in(&p, STATUS), 0x50);
	cr_assert_not(fake_take_irq(&p, IRQ_IDE), "none after the last block of a read");
}

Test(ide, write_sectors_interrupts_after_each_block)
{
	uint8_t out[2 * DISK_SECTOR];

	add(1);
	memset(out, 0xa5, sizeof(out));
	address(0, 7, 2);
	cr_assert_eq(command(0x30), 0x58);
	cr_assert_not(fake_take_irq(&p, IRQ_IDE), "none before the first block of a write");
	for (unsigned n = 0; n < 2; n++) {
		write_block(DISK_SECTOR, out);
		cr_assert(fake_take_irq(&p, IRQ_IDE));
		cr_assert_eq(fake_in(&p, STATUS), n ? 0x50 : 0x58);
	}
	cr_assert_eq(disk_read(&disk[0], 7, 2, out), 0);
	for (unsigned i = 0; i < sizeof(out); i++)
		cr_assert_eq(out[i], 0xa5);
	cr_assert_eq(disk_read(&disk[0], 9, 1, out), 0);
	expect_sector(out, 9);
}

Test(ide, count_0_is_256_and_lba48_counts_to_65536)
{
	unsigned n = 0;

	add(1);
	address(0, 0, 0);
	command(0x20);
	while (fake_in(&p, STATUS) & 8) {
		read_block(DISK_SECTOR, sector);
		expect_sector(sector, n++);
	}
	cr_assert_eq(n, 256);
	address48(1000, 300);
	cr_assert_eq(command(0x24), 0x58);
	for (n = 0; fake_in(&p, STATUS) & 8; n++) {
		read_block(DISK_SECTOR, sector);
		expect_sector(sector, 1000 + n);
	}
	cr_assert_eq(n, 300);
	address48(0, 0);
	cr_assert_eq(command(0x24) & 1, 1, "65536 sectors are more than it has");
	address48(1ull << 40, 1);
	cr_assert_eq(command(0x24), 0x51);
	cr_assert_eq(fake_in(&p, ERROR), IDE_ERROR_IDNF);
	cr_assert_eq(fake_in(&p, LOW), 0);
}

Test(ide, read_and_write_multiple_move_blocks)
{
	uint8_t block[4 * DISK_SECTOR];

	add(1);
	address(0, 0, 1);
	cr_assert_eq(command(0xc4), 0x51, "not before SET MULTIPLE");
	cr_assert_eq(fake_in(&p, ERROR), IDE_ERROR_ABRT);
	fake_out(&p, COUNT, 3);
	cr_assert_eq(command(0xc6), 0x51, "no power of two");
	fake_out(&p, COUNT, 4);
	cr_assert_eq(command(0xc6), 0x50);
	address(0, 10, 6);
	fake_in(&p, STATUS);
	while (fake_take_irq(&p, IRQ_IDE))
		;
	command(0xc4);
	cr_assert(fake_take_irq(&p, IRQ_IDE));
	fake_in(&p, STATUS);
	read_block(sizeof(block), block);
	expect_sector(block + 3 * DISK_SECTOR, 13);
	cr_assert(fake_take_irq(&p, IRQ_IDE));
	cr_assert_eq(fake_in(&p, STATUS), 0x58);
	read_block(2 * DISK_SECTOR, block);
	expect_sector(block + DISK_SECTOR, 15);
	cr_assert_eq(fake_in(&p, STATUS), 0x50, "a short block ends it");
	memset(block, 0x11, sizeof(block));
	address48(20, 4);
	command(0x39);
	write_block(sizeof(block), block);
	cr_assert_eq(fake_in(&p, STATUS), 0x50);
	cr_assert_eq(disk_read(&disk[0], 23, 1, sector), 0);
	cr_assert_eq(sector[511], 0x11);
}

Test(ide, chs_addresses_count_from_sector_1)
{
	add(1);
	fake_out(&p, DEVICE, 0xa2);	/* head 2 */
	fake_out(&p, COUNT, 1);
	fake_out(&p, LOW, 5);
	fake_out(&p, MID, 1);
	fake_out(&p, HIGH, 0);
	cr_assert_eq(command(0x20), 0x58);
	read_block(DISK_SECTOR, sector);
	expect_sector(sector, (1 * 16 + 2) * 63 + 4);
	fake_out(&p, LOW, 0);
	cr_assert_eq(command(0x20), 0x51);
	cr_assert_eq(fake_in(&p, ERROR), IDE_ERROR_IDNF);
	fake_out(&p, DEVICE, 0xa3);	/* 4 heads, 10 sectors a track */
	fake_out(&p, COUNT, 10);
	cr_assert_eq(command(0x91), 0x50);
	fake_out(&p, COUNT, 1);
	fake_out(&p, LOW, 10);
	cr_assert_eq(command(0x20), 0x58);
	read_block(DISK_SECTOR, sector);
	expect_sector(sector, (1 * 4 + 3) * 10 + 9);
}

Test(ide, identify_tells_size_and_abilities)
{
	uint16_t w[256];
	char model[41] = "";

	add(2);
	fake_out(&p, DEVICE, 0xb0);
	cr_assert_eq(command(0xec), 0x58);
	cr_assert(fake_take_irq(&p, IRQ_IDE));
	read_block(sizeof(w), (uint8_t *)w);
	cr_assert_eq(w[0] & 0x8000, 0, "ATA");
	cr_assert_eq(w[60] | w[61] << 16, SECTORS);
	cr_assert_eq(w[100], SECTORS);
	cr_assert_eq(w[49] & 0x300, 0x200, "LBA, no DMA");
	cr_assert_eq(w[83] & 0xc400, 0x4400, "LBA48");
	cr_assert_eq(w[1] * w[3] * w[6], 2 * 16 * 63);
	for (unsigned i = 0; i < 20; i++) {
		model[i * 2] = (char)(w[27 + i] >> 8);
		model[i * 2 + 1] = (char)w[27 + i];
	}
	cr_assert_eq(strncmp(model, "SHADOWPOOL DISK ", 16), 0, "%s", model);
	cr_assert_eq(command(0xa1), 0x51, "no ATAPI");
	cr_assert_eq(fake_in(&p, ERROR), IDE_ERROR_ABRT);
}

Test(ide, a_slave_that_is_absent_reads_as_zeros)
{
	add(1);
	fake_out(&p, DEVICE, 0xf0);
	cr_assert_eq(fake_in(&p, STATUS), 0);
	cr_assert_eq(command(0xec), 0);
	cr_assert_not(fake_take_irq(&p, IRQ_IDE));
	fake_out(&p, DEVICE, 0xe0);
	cr_assert_eq(fake_in(&p, STATUS), 0x50);
}

Test(ide, two_drives_keep_apart)
{
	add(2);
	address(1, 5, 1);
	command(0x20);
	read_block(DISK_SECTOR, sector);
	cr_assert_eq(sector[0], (uint8_t)(pattern(5, 0) + 1));
	address(1, SECTORS, 1);
	command(0x20);
	cr_assert_eq(fake_in(&p, STATUS), 0x51);
	fake_out(&p, DEVICE, 0xe0);
	cr_assert_eq(fake_in(&p, STATUS), 0x50, "an error of the slave is none of the master's");
}

Test(ide, interrupts_wait_for_nien_and_status_ends_them)
{
	add(1);
	fake_out(&p, CONTROL, 2);
	command(0xe7);
	cr_assert_not(fake_take_irq(&p, IRQ_IDE));
	fake_out(&p, CONTROL, 0);
	cr_assert(fake_take_irq(&p, IRQ_IDE), "it was pending");
	command(0xe7);
	cr_assert(fake_take_irq(&p, IRQ_IDE), "a new command ends the old interrupt");
	fake_in(&p, STATUS);
	cr_assert_not(fake_take_irq(&p, IRQ_IDE));
}

Test(ide, software_reset_leaves_the_signature)
{
	add(1);
	address(0, 0x123456, 9);
	fake_out(&p, CONTROL, 4);
	cr_assert_eq(fake_in(&p, STATUS), 0x80);
	fake_out(&p, CONTROL, 0);
	cr_assert_eq(fake_in(&p, STATUS), 0x50);
	cr_assert_eq(fake_in(&p, COUNT), 1);
	cr_assert_eq(fake_in(&p, LOW), 1);
	cr_assert_eq(fake_in(&p, MID), 0);
	cr_assert_eq(fake_in(&p, HIGH), 0);
	cr_assert_eq(fake_in(&p, ERROR), 1);
}

Test(ide, the_small_commands)
{
	static const struct { uint8_t command, feature, count, status; } list[] = {
		{ 0xef, 0x02, 0, 0x50 }, { 0xef, 0x82, 0, 0x50 }, { 0xef, 0x03, 0x0c, 0x50 }, { 0xef, 0x03, 0x45, 0x51 },
		{ 0xef, 0x99, 0, 0x51 }, { 0xe7, 0, 0, 0x50 }, { 0xea, 0, 0, 0x50 }, { 0x10, 0, 0, 0x50 }, { 0x70, 0, 0, 0x50 },
		{ 0x40, 0, 0, 0x50 }, { 0xe0, 0, 0, 0x50 }, { 0xc8, 0, 0, 0x51 }, { 0x00, 0, 0, 0x51 }, { 0xff, 0, 0, 0x51 },
	};

	add(1);
	for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		address(0, 0, list[i].count);
		fake_out(&p, ERROR, list[i].feature);
		cr_assert_eq(command(list[i].command), list[i].status, "%#x", list[i].command);
	}
	command(0xe5);
	cr_assert_eq(fake_in(&p, COUNT), 0xff);
	fake_out(&p, DEVICE, 0xe0);
	command(0xf8);
	cr_assert_eq(fake_in(&p, LOW) | fake_in(&p, MID) << 8, SECTORS - 1);
	cr_assert_eq(command(0x90), 0x50);
	cr_assert_eq(fake_in(&p, ERROR), 1);
}

Test(ide, a_file_that_shrank_gives_a_read_error)
{
	add(1);
	cr_assert_eq(ftruncate(disk[0].fd, 10 * DISK_SECTOR), 0);
	address(0, 9, 3);
	cr_assert_eq(command(0x20), 0x58);
	read_block(DISK_SECTOR, sector);
	expect_sector(sector, 9);
	cr_assert_eq(fake_in(&p, STATUS), 0x51);
	cr_assert_eq(fake_in(&p, ERROR), IDE_ERROR_UNC);
	cr_assert_eq(fake_in(&p, LOW), 10, "the sector that failed");
}

Test(ide, a_file_that_cannot_be_written_gives_a_write_fault)
{
	add(1);
	cr_assert_eq(fcntl(disk[0].fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	address(0, 0, 1);
	command(0x30);
	write_block(DISK_SECTOR, sector);
	cr_assert_eq(fake_in(&p, STATUS), 0x71, "DF and ERR");
}

Test(ide, data_port_without_drq_gives_ones)
{
	add(1);
	cr_assert_eq(bus_port_read(p.bus, DATA, 2), 0xffff);
	bus_port_write(p.bus, DATA, 2, 0);
	address(0, 0, 1);
	command(0x30);
	cr_assert_eq(bus_port_read(p.bus, DATA, 2), 0xffff, "not in the wrong direction");
}

Test(ide, random_accesses_stay_inside_the_buffer)
{
	unsigned seed = 5;

	add(2);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned size = 1u << rand_r(&seed) % 3;
		uint16_t port = (uint16_t)(rand_r(&seed) % 4 ? DATA : DATA + rand_r(&seed) % 8);

		if (rand_r(&seed) % 2)
			bus_port_write(p.bus, port, size, (uint64_t)rand_r(&seed));
		else
			bus_port_read(p.bus, port, size);
	}
	fake_out(&p, CONTROL, 4);
	fake_out(&p, CONTROL, 0);
	fake_out(&p, DEVICE, 0xe0);
	cr_assert_eq(command(0xec), 0x58);
}

Test(ide, files_that_are_no_disks_are_refused)
{
	struct disk d, other;
	char name[] = "/tmp/test_dev_ide.XXXXXX", err[256];
	int fd = mkstemp(name);

	cr_assert_geq(fd, 0);
	cr_assert_eq(disk_open(&d, "/nowhere/disk", err, sizeof(err)), -ENOENT);
	cr_assert_eq(disk_open(&d, name, err, sizeof(err)), -EINVAL);
	cr_assert_not_null(strstr(err, "less than one sector"), "%s", err);
	cr_assert_eq(disk_open(&d, "/dev/null", err, sizeof(err)), -EINVAL);
	cr_assert_eq(ftruncate(fd, 1300), 0);
	cr_assert_eq(disk_open(&d, name, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(d.sectors, 2);
	cr_assert_eq(disk_open(&other, name, err, sizeof(err)), -EWOULDBLOCK);
	cr_assert_not_null(strstr(err, "in use"), "%s", err);
	disk_close(&d);
	cr_assert_eq(disk_open(&other, name, err, sizeof(err)), 0);
	disk_close(&other);
	close(fd);
	unlink(name);
}
