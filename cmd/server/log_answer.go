package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"wxlogin/internal/web"
)

// answerLine writes an answer's line as slog's JSON handler does
// and nothing else: the handler took 2 µs for it, on the way of every
// request.
func answerLine(out *gathered) func(context.Context, web.AccessRecord) {
	return func(_ context.Context, a web.AccessRecord) {
		var room [320]byte // on the stack, as gathered copies the line
		line := append(room[:0], `{"time":"`...)
		line = a.Began.Add(a.Took).AppendFormat(line, time.RFC3339Nano)
		line = append(line, `","level":"INFO","msg":"request","request_id":`...)
		line = appendText(line, a.RequestID)
		line = append(line, `,"method":`...)
		line = appendText(line, a.Method)
		line = append(line, `,"route":`...)
		line = appendText(line, a.Route)
		line = append(line, `,"status":`...)
		line = strconv.AppendInt(line, int64(a.Status), 10)
		line = append(line, `,"bytes":`...)
		line = strconv.AppendInt(line, a.Bytes, 10)
		line = append(line, `,"ms":`...)
		line = appendMilliseconds(line, a.Took)
		line = append(line, `,"client":`...)
		line = appendText(line, a.Client)
		line = append(line, "}\n"...)
		_, _ = out.Write(line) // there is nowhere to tell of it
	}
}

// appendMilliseconds appends a.Milliseconds() as strconv writes a float: with
// no more decimals than it needs.
func appendMilliseconds(line []byte, took time.Duration) []byte {
	micros := took.Microseconds()
	if micros < 0 {
		line, micros = append(line, '-'), -micros
	}
	line = strconv.AppendInt(line, micros/1000, 10)
	if rest := micros % 1000; rest > 0 {
		line = append(line, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
		line = bytes.TrimRight(line, "0")
	}
	return line
}

// appendText appends a JSON string.
func appendText(line []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(text)
			if err != nil {
				quoted = []byte(`""`)
			}
			return append(line, quoted...)
		}
	}
	line = append(line, '"')
	line = append(line, text...)
	return append(line, '"')
}
