package text

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ztc-portal/models"
)

// Money writes fen as people read them: ¥1,234.50, -¥1,234.50.
func Money(f models.Fen) string {
	sign, amount := "", uint64(f)
	if f < 0 {
		sign, amount = "-", -amount
	}
	return fmt.Sprintf("%s¥%s.%02d", sign, grouped(strconv.FormatUint(amount/100, 10)), amount%100)
}

// Number writes a whole or decimal number with thousands separators.
func Number(n any) string {
	switch n := n.(type) {
	case float64:
		whole, fraction, dotted := strings.Cut(strconv.FormatFloat(n, 'f', -1, 64), ".")
		if dotted {
			return grouped(whole) + "." + fraction
		}
		return grouped(whole)
	default:
		return grouped(fmt.Sprint(n))
	}
}

func grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// Time writes the instant as the sellers' clocks show it: 11-22 14:05.
func Time(_ context.Context, t time.Time) string { return t.In(models.Shanghai).Format("01-02 15:04") }

// FullTime writes year and seconds too, for tooltips and records.
func FullTime(t time.Time) string { return t.In(models.Shanghai).Format("2006-01-02 15:04:05") }

// Day writes the day of the instant in Asia/Shanghai: 2026-11-22.
func Day(t time.Time) string { return t.In(models.Shanghai).Format(time.DateOnly) }

// Soon names an instant to come as near as it can be trusted: today 16:40, the
// weekday within a week, the day beyond.
func Soon(ctx context.Context, t, now time.Time) string {
	local := t.In(models.Shanghai)
	switch clock := local.Format("15:04"); {
	case Day(t) == Day(now):
		return T(ctx, "forecast.today", "Time", clock)
	case Day(t) == Day(now.AddDate(0, 0, 1)):
		return T(ctx, "forecast.tomorrow", "Time", clock)
	case t.Before(now.AddDate(0, 0, 7)):
		weekday := T(ctx, "weekday."+strconv.Itoa((int(local.Weekday())+6)%7))
		return T(ctx, "forecast.weekday", "Date", local.Format("01-02"), "Weekday", weekday, "Time", clock)
	}
	return Day(t)
}

// SoonOn is Soon, without the day where it is that of an instant named before it.
func SoonOn(ctx context.Context, t, before, now time.Time) string {
	if Day(t) == Day(before) && t.Before(now.AddDate(0, 0, 7)) {
		return t.In(models.Shanghai).Format("15:04")
	}
	return Soon(ctx, t, now)
}

// Machine writes the instant for <time datetime>.
func Machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Ago says how far an instant is from now, in words: 3 hours ago, in 5 minutes.
func Ago(ctx context.Context, t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d > -time.Minute && d < time.Minute:
		return T(ctx, "time.now")
	case d < 0:
		return T(ctx, "time.in", "Span", Span(ctx, -d))
	default:
		return T(ctx, "time.ago", "Span", Span(ctx, d))
	}
}

// Span says a length of time by its largest unit, rounded down: 3 hours.
func Span(ctx context.Context, d time.Duration) string {
	switch {
	case d < time.Minute:
		return T(ctx, "time.seconds", "Count", int(d/time.Second))
	case d < time.Hour:
		return T(ctx, "time.minutes", "Count", int(d/time.Minute))
	case d < 48*time.Hour:
		return T(ctx, "time.hours", "Count", int(d/time.Hour))
	default:
		return T(ctx, "time.days", "Count", int(d/(24*time.Hour)))
	}
}

// Countdown writes what is left until an instant as a clock does: 23:41:07, or
// 29:59 below an hour; never less than 00:00.
func Countdown(until, now time.Time) string {
	left := max(0, until.Sub(now))
	hours, minutes, seconds := int(left.Hours()), int(left.Minutes())%60, int(left.Seconds())%60
	if hours > 0 {
		return fmt.Sprintf("%d:%02d:%02d", hours, minutes, seconds)
	}
	return fmt.Sprintf("%02d:%02d", minutes, seconds)
}

// formatted writes the values of placeholders as text writes them.
func formatted(ctx context.Context, args map[string]any) map[string]any {
	words := make(map[string]any, len(args))
	for name, value := range args {
		words[name] = format(ctx, value)
	}
	return words
}

func format(ctx context.Context, value any) any {
	switch v := value.(type) {
	case models.Fen:
		return Money(v)
	case time.Time:
		return strings.ReplaceAll(Time(ctx, v), "-", "\u2011") // no line breaks inside a day
	case time.Duration:
		return Span(ctx, v)
	case int, int64, float64:
		return Number(v)
	case Line:
		return Say(ctx, v)
	case models.Rail:
		return T(ctx, "method."+string(v))
	case models.ShopRole:
		return T(ctx, "shop_role."+string(v))
	default:
		return v
	}
}
