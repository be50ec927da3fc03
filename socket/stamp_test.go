package socket

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAppendISO(t *testing.T) {
	for _, row := range []struct {
		name, zone, want string
		seconds          int64
		micros           int
	}{
		{"UTC", "UTC", "2025-11-17T22:19:42.123456+00:00", 1763417982, 123456},
		{"no zone", "", "2025-11-17T22:19:42.000001+00:00", 1763417982, 1},
		{"no fraction", "UTC", "2025-11-17T22:19:42+00:00", 1763417982, 0},
		{"winter", "Europe/Berlin", "2025-11-17T23:19:42.999999+01:00", 1763417982, 999999},
		{"summer", "Europe/Berlin", "2025-07-01T02:00:00+02:00", 1751328000, 0},
		{"west", "America/St_Johns", "2025-11-17T18:49:42.000100-03:30", 1763417982, 100},
		{"an offset with seconds", "Europe/Paris", "1899-12-31T23:09:21.500000+00:09:21", -2208992400, 500000},
		{"early", "UTC", "0001-01-01T00:00:00+00:00", -62135596800, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			var loc *time.Location
			if row.zone != "" {
				var err error
				loc, err = time.LoadLocation(row.zone)
				require.NoError(t, err)
			}
			require.Equal(t, row.want, string(appendISO(nil, row.seconds, row.micros, loc)))
		})
	}
}

func TestTimestampsAreNow(t *testing.T) {
	before := time.Now().Truncate(time.Microsecond)
	iso, err := time.Parse(time.RFC3339Nano, TimestampISO(time.FixedZone("", 3600)))
	require.NoError(t, err)
	ms := time.UnixMilli(TimestampMs())
	after := time.Now()

	require.False(t, iso.Before(before) || iso.After(after), "%s between %s and %s", iso, before, after)
	_, offset := iso.Zone()
	require.Equal(t, 3600, offset)
	require.False(t, ms.Before(before.Truncate(time.Millisecond)) || ms.After(after))
}

func TestISOMillis(t *testing.T) {
	iso, ok := isoMillis(1763417982123, nil)
	require.True(t, ok)
	require.Equal(t, "2025-11-17T22:19:42.123000+00:00", iso)
	iso, ok = isoMillis(-1, nil)
	require.True(t, ok)
	require.Equal(t, "1969-12-31T23:59:59.999000+00:00", iso)

	east, west := time.FixedZone("", 86399), time.FixedZone("", -86399)
	for _, ms := range []int64{-62135510400_000, 253402214400_000 - 1} {
		for _, loc := range []*time.Location{east, west} {
			iso, ok = isoMillis(ms, loc)
			require.True(t, ok)
			require.Len(t, iso[:len("2006")], 4)
			require.Equal(t, byte('-'), iso[4])
		}
	}
	for _, ms := range []int64{-1 << 63, -62135510400_001, 253402214400_000, 1<<63 - 1} {
		_, ok = isoMillis(ms, nil)
		require.False(t, ok)
	}
}

func TestPutMicros(t *testing.T) {
	var b [6]byte
	for _, n := range []int{0, 1, 99, 100, 9999, 10000, 123456, 999999} {
		putMicros(b[:], n)
		require.Equal(t, fmt.Sprintf("%06d", n), string(b[:]))
	}
}
