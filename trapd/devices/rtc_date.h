/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Converts between seconds since 1970 and the date bytes of an MC146818 real-time clock. Pure functions, any thread. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_RTC_DATE_H
#define SHADOWPOOL_TRAPD_DEVICES_RTC_DATE_H

#include <stdint.h>

/* Bits of register B that decide about the format. */
#define RTC_BINARY	0x04u		/* DM: 1 binary, 0 BCD */
#define RTC_24H		0x02u		/* 1: hours are 0 to 23; 0: they are 1 to 12, with bit 7 for PM */

/* The bytes of a date: registers 0 to 9, then the century. Registers 1, 3 and 5 are the alarm's and no part of the date. */
#define RTC_BYTES	11u
/* Register that holds each byte of a date; -1: none does. */
extern const int rtc_byte_reg[RTC_BYTES];

/* Seconds to bytes. b: register B, which says the format. Bytes that no register holds are 0. */
void rtc_date_encode(int64_t seconds, uint8_t b, uint8_t bytes[RTC_BYTES]);
/* Bytes to seconds. Values out of range count on: February 30th is March 1st or 2nd. The day of the week is ignored. */
int64_t rtc_date_decode(const uint8_t bytes[RTC_BYTES], uint8_t b);

#endif
