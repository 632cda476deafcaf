package main

import (
	"sync"
	"syscall"
	"time"
)

const (
	bucketsPerSecond = 1000
	mostSeconds      = 12
	// Texts of failures that are told apart; the rest is counted together.
	mostKinds = 50
)

// row is what became of the requests that were due in one second.
type row struct {
	Sent     int `json:"sent"`
	Within   int `json:"within"`
	Late     int `json:"late"`
	Rejected int `json:"rejected"`
	Failed   int `json:"failed"`
}

type figures struct {
	within time.Duration

	mutex     sync.Mutex
	rows      []row
	all       row
	kinds     map[string]int
	latencies [bucketsPerSecond * mostSeconds]int
	lags      [bucketsPerSecond * mostSeconds]int
}

// summary is what the file of -output holds. Times are in milliseconds, unless they say otherwise.
type summary struct {
	Requests   int            `json:"requests"`
	Within     int            `json:"within"`
	Late       int            `json:"late"`
	Rejected   int            `json:"rejected"`
	Failed     int            `json:"failed"`
	Kinds      map[string]int `json:"kinds"`
	P50        int            `json:"p50"`
	P99        int            `json:"p99"`
	LagP99     int            `json:"lagP99"`
	LagMost    int            `json:"lagMost"`
	CPUSeconds float64        `json:"cpuSeconds"`
	Rows       []row          `json:"rows"`
}

func newFigures(seconds int, within time.Duration) *figures {
	return &figures{within: within, rows: make([]row, seconds), kinds: map[string]int{}}
}

// sent counts a request, which is started so long after its time.
func (f *figures) sent(second int, lag time.Duration) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.rows[second].Sent++
	f.all.Sent++
	f.lags[bucket(lag)]++
}

// ended counts its end; `problem` is "" for an answer.
func (f *figures) ended(second int, latency time.Duration, problem string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for _, row := range []*row{&f.rows[second], &f.all} {
		switch {
		case problem == "" && latency <= f.within:
			row.Within++
		case problem == "":
			row.Late++
		case rejected(problem):
			row.Rejected++
		default:
			row.Failed++
		}
	}
	if problem == "" {
		f.latencies[bucket(latency)]++
		return
	}
	if _, known := f.kinds[problem]; !known && len(f.kinds) >= mostKinds {
		problem = "other"
	}
	f.kinds[problem]++
}

// soFar is one line of progress: totals since the start.
func (f *figures) soFar(since time.Duration) map[string]any {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return map[string]any{"second": since.Seconds(), "sent": f.all.Sent, "within": f.all.Within,
		"late": f.all.Late, "rejected": f.all.Rejected, "failed": f.all.Failed}
}

func (f *figures) summary() summary {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	all := f.all
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	if open := all.Sent - all.Within - all.Late - all.Rejected - all.Failed; open > 0 {
		f.kinds["unanswered at the end"] += open
		all.Failed += open
	}
	return summary{Requests: all.Sent, Within: all.Within, Late: all.Late, Rejected: all.Rejected,
		Failed: all.Failed, Kinds: f.kinds, P50: quantile(f.latencies[:], 0.5),
		P99: quantile(f.latencies[:], 0.99), LagP99: quantile(f.lags[:], 0.99),
		LagMost: quantile(f.lags[:], 1), Rows: f.rows,
		CPUSeconds: time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()}
}

func bucket(length time.Duration) int {
	return min(int(length.Milliseconds()), bucketsPerSecond*mostSeconds-1)
}

// quantile of counts by the millisecond: the least one with that share below it, or in it.
func quantile(counts []int, share float64) int {
	total := 0
	for _, count := range counts {
		total += count
	}
	seen := 0
	for millisecond, count := range counts {
		seen += count
		if total > 0 && float64(seen) >= share*float64(total) {
			return millisecond
		}
	}
	return 0
}
