/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * platform.elf: the IDE disks in programmed I/O, polled. The last check reads a sector into a page table that maps a window in
 * use: the device's words are the guest's stores, and the window must show what the new entries say. Both widths of code.
 * Sources: ATA/ATAPI-6 chapters 8 and 9.
 */
#include "tests/guests/platform.h"

#define SECTOR		512u
#define STATUS_ERR	0x01
#define STATUS_DRQ	0x08
#define STATUS_BSY	0x80
#define WINDOW_PAGES	8u

enum { DATA = 0x1f0, COUNT = 0x1f2, LOW = 0x1f3, DEVICE = 0x1f6, COMMAND = 0x1f7 };

static uint8_t wait(void)
{
	uint8_t status;

	while ((status = port_read8(COMMAND)) & STATUS_BSY)
		;
	if (status & STATUS_ERR)
		panic("the disk reports error %x", port_read8(0x1f1));
	return status;
}

static void command(unsigned drive, uint32_t sector, uint8_t what)
{
	port_write8(DEVICE, (uint8_t)(0xe0 | drive << 4));
	port_write8(COUNT, 1);
	port_write8(LOW, (uint8_t)sector);
	port_write8(LOW + 1, (uint8_t)(sector >> 8));
	port_write8(LOW + 2, (uint8_t)(sector >> 16));
	port_write8(COMMAND, what);
	EXPECT_EQ(wait() & STATUS_DRQ, STATUS_DRQ, "DRQ");
}

static void sector_read(unsigned drive, uint32_t sector, void *to)
{
	unsigned long n = SECTOR / 2;

	command(drive, sector, 0x20);
	__asm__ volatile("cld; rep insw" : "+D"(to), "+c"(n) : "d"(DATA) : "memory");
}

static void sector_write(unsigned drive, uint32_t sector, const void *from)
{
	unsigned long n = SECTOR / 4;

	command(drive, sector, 0x30);
	__asm__ volatile("cld; rep outsl" : "+S"(from), "+c"(n) : "d"(DATA) : "memory");
	EXPECT_EQ(wait() & STATUS_DRQ, 0, "nothing more is wanted");
}

/* Entries are as wide as registers in both modes. Returns where the table's first page appears. */
static volatile uint32_t *window_map(unsigned long *table)
{
	unsigned long *top = (unsigned long *)cr3_read(), entry = (unsigned long)table | PTE_P | PTE_W;

#if defined(__x86_64__)
	unsigned long *pdpt = (unsigned long *)(top[0] & PAGE_MASK), *pd = frame_alloc();

	pdpt[1] = (unsigned long)pd | PTE_P | PTE_W;
	pd[0] = entry;
	return (volatile uint32_t *)0x40000000;
#else
	top[0x300] = entry;
	return (volatile uint32_t *)0xc0000000;
#endif
}

static void check_table(const char *what)
{
	unsigned long *table = frame_alloc(), *entries = frame_alloc();
	volatile uint32_t *window = window_map(table);
	unsigned i;

	for (i = 0; i < WINDOW_PAGES; i++) {
		uint32_t *frame = frame_alloc();

		*frame = 0xf00d0000 + i;
		table[i] = (unsigned long)frame | PTE_P | PTE_W;
	}
	for (i = 0; i < WINDOW_PAGES; i++) {
		EXPECT_EQ(window[i * 1024], 0xf00d0000 + i, "the window before");
		entries[i] = table[WINDOW_PAGES - 1 - i];
	}
	sector_write(0, 20, entries);
	sector_read(0, 20, table);
	for (i = 0; i < WINDOW_PAGES; i++)
		page_invalidate((const volatile void *)&window[i * 1024]);
	for (i = 0; i < WINDOW_PAGES; i++)
		EXPECT_EQ(window[i * 1024], 0xf00d0000 + WINDOW_PAGES - 1 - i, "the window shows the entries that came from disk");
	print("disk: a sector became a page table, %s\n", what);
}

static uint8_t clock_second(void)
{
	port_write8(0x70, 0);
	return port_read8(0x71);
}

/*
 * The same sector again and again into a page that is mapped already, until the clock's second has changed so often: whatever
 * becomes of the pool, the words are the disk's.
 */
static void read_again(uint16_t *buffer, uint64_t seconds)
{
	uint8_t second = clock_second(), now;
	unsigned i;

	for (i = 0; i < SECTOR / 2; i++)
		buffer[i] = (uint16_t)(i * 17 + 1);
	sector_write(1, 4, buffer);
	do {
		memset(buffer, 0xee, SECTOR);
		sector_read(1, 4, buffer);
		for (i = 0; i < SECTOR / 2; i += 51)	/* few: some hosts run this code slowly */
			EXPECT_EQ(buffer[i], (uint16_t)(i * 17 + 1), "what was read again");
		now = clock_second();
		seconds -= seconds && now != second;
		second = now;
	} while (seconds);
}

void disk_check(const char *what)
{
	uint16_t *buffer = frame_alloc();
	unsigned drive, i;

	for (drive = 0; drive < 2; drive++) {
		sector_read(drive, 0, buffer);
		EXPECT_EQ(memcmp(buffer, drive ? "slave " : "master", 6), 0, "the first sector");
		command(drive, 0, 0xec);
		for (i = 0; i < SECTOR / 2; i++)
			__asm__ volatile("inw %1, %0" : "=a"(buffer[i]) : "Nd"((uint16_t)DATA));
		print("disk %u: %u sectors, %s\n", drive, buffer[60] | (uint32_t)buffer[61] << 16, what);
	}
	for (i = 0; i < SECTOR / 2; i++)
		buffer[i] = (uint16_t)(i * 17);
	sector_write(1, 3, buffer);
	memset(buffer, 0, SECTOR);
	sector_read(1, 3, buffer);
	for (i = 0; i < SECTOR / 2; i++)
		EXPECT_EQ(buffer[i], (uint16_t)(i * 17), "what was written");
	read_again(buffer, cmdline_number("seconds", 0));
	check_table(what);
}
