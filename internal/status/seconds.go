package status

import (
	"math"
	"strconv"
	"time"
)

// Seconds is a duration that is written as a number of seconds: 1.5, not "1.5s" and not nanoseconds.
type Seconds time.Duration

// MarshalJSON returns the seconds with as many digits as it takes, up to nanoseconds.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, time.Duration(s).Seconds(), 'f', -1, 64), nil
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return err
	}
	*s = Seconds(math.Round(f * float64(time.Second)))
	return nil
}
