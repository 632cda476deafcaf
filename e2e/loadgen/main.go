// Loadgen is an open loop of inference requests: they come at their times, whatever the servers do.
//
// Arrivals are Poisson in each second of a file of rates. Latency counts from the scheduled arrival, so
// that a stalled generator or server hides nothing. Each request goes to a random one of the servers that
// are ready; standard input tells which, one line of `host:port` words for each change. Standard output
// has a line of JSON for each second, and the file of -output all figures at the end.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// A generator that is overrun says so instead of eating the machine's memory.
const mostInFlight = 20000

func main() {
	log.SetFlags(0)
	log.SetPrefix("loadgen: ")
	rates := flag.String("rates", "", "file with the rate of each second, one a line")
	output := flag.String("output", "", "file for the figures")
	model := flag.String("model", "", "name of the model")
	within := flag.Duration("within", 250*time.Millisecond, "latency that is asked for")
	timeout := flag.Duration("timeout", 10*time.Second, "after which a request counts as unanswered")
	seed := flag.Int64("seed", 1, "of arrivals and of the choice of servers")
	fresh := flag.Bool("fresh", false, "a connection for each request, so that a Service spreads them")
	flag.Parse()
	perSecond, err := readRates(*rates)
	if err != nil {
		log.Fatal(err)
	}
	servers := newServers(*model, *fresh)
	if !follow(servers, os.Stdin) {
		log.Fatal("standard input names no server")
	}
	figures := newFigures(len(perSecond), *within)
	start := time.Now()
	done := make(chan struct{})
	go tell(figures, start, done)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	offer(servers, figures, perSecond, start, *timeout, *seed, stop)
	close(done)
	if err := write(*output, figures.summary()); err != nil {
		log.Fatal(err)
	}
}

// offer starts every request at its time and returns when the last is answered or given up. A signal is the
// early end of the requests, not of those under way.
func offer(servers *servers, figures *figures, rates []float64, start time.Time, timeout time.Duration,
	seed int64, stop <-chan os.Signal) {
	random := rand.New(rand.NewSource(seed))
	var inFlight atomic.Int64
	end := start.Add(time.Duration(len(rates)) * time.Second)
offering:
	for second, rate := range rates {
		offsets := make([]float64, poisson(random, rate))
		for i := range offsets {
			offsets[i] = random.Float64()
		}
		sort.Float64s(offsets)
		for _, offset := range offsets {
			due := start.Add(time.Duration((float64(second) + offset) * float64(time.Second)))
			if !waited(due, stop) {
				end = time.Now()
				break offering
			}
			chosen := servers.choose(random)
			figures.sent(second, time.Since(due))
			if inFlight.Load() >= mostInFlight {
				figures.ended(second, time.Since(due), "the generator is full")
				continue
			}
			inFlight.Add(1)
			go func(second int) {
				defer inFlight.Add(-1)
				problem := servers.ask(chosen, due.Add(timeout))
				figures.ended(second, time.Since(due), problem)
			}(second)
		}
	}
	waited(end, stop)
	// Every request has a deadline of its own; the second is for the scheduler of a busy machine.
	for last := time.Now().Add(timeout + time.Second); inFlight.Load() > 0 && time.Now().Before(last); {
		time.Sleep(10 * time.Millisecond)
	}
}

// waited waits until a time; false: a signal came first.
func waited(until time.Time, stop <-chan os.Signal) bool {
	select {
	case <-stop:
		return false
	default:
	}
	left := time.Until(until)
	if left <= 0 {
		return true
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-stop:
		return false
	case <-timer.C:
		return true
	}
}

// poisson draws a count; by Knuth in pieces, whose products stay far from zero.
func poisson(random *rand.Rand, mean float64) int {
	count := 0
	for mean > 0 {
		part := math.Min(mean, 30)
		mean -= part
		for limit, product := math.Exp(-part), random.Float64(); product > limit; {
			count++
			product *= random.Float64()
		}
	}
	return count
}

// follow reads lists of servers for ever, in the background after the first; whether there was one.
func follow(servers *servers, input io.Reader) bool {
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		return false
	}
	servers.replace(strings.Fields(lines.Text()))
	go func() {
		for lines.Scan() {
			servers.replace(strings.Fields(lines.Text()))
		}
	}()
	return true
}

func tell(figures *figures, start time.Time, done <-chan struct{}) {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticks.C:
			line, _ := json.Marshal(figures.soFar(time.Since(start)))
			fmt.Println(string(line))
		}
	}
}

func readRates(path string) ([]float64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rates []float64
	for number, word := range strings.Fields(string(text)) {
		rate, err := strconv.ParseFloat(word, 64)
		if err != nil || rate < 0 || math.IsInf(rate, 0) || math.IsNaN(rate) {
			return nil, fmt.Errorf("%s: %q, second %d, is no rate", path, word, number)
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

func write(path string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
