//go:build race

package socket

// raceDetector: pools lose a part of what is put into them.
const raceDetector = true
