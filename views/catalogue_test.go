package views_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ztc-portal/gateways/unionpay"
	"ztc-portal/handlers/api"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/admin"
	"ztc-portal/views/components"
	"ztc-portal/views/text"
)

// made are the keys that code puts together: a prefix, and every value that may
// follow it.
var made = map[string][]string{
	"state.account.":     words([]models.AccountState{models.AccountActive, models.AccountArrears, models.AccountSuspended, models.AccountFrozen}),
	"state.payment.":     words(models.PaymentStates),
	"state.delivery.":    words(views.DeliveryStates),
	"filter.delivery.":   words(views.DeliveryStates),
	"confirm.stay.":      words(views.DeliveryStates[2:]),
	"stop.cause.":        words(views.DeliveryStates[2:]),
	"stop.lifter.":       words([]models.Lift{models.LiftRecharge, models.LiftRestart, models.LiftSwitch, models.LiftBudget, models.LiftHour, models.LiftStaff, models.LiftNobody}),
	"stop.reason.":       append([]string{models.SoftCapped}, models.HaltReasons...),
	"restart.halted.":    models.HaltReasons,
	"schedule.key.":      {"off", "low", "full", "high"},
	"schedule.days.":     {"set", "copy"},
	"schedule.preset.":   models.SchedulePresets,
	"advice.act.":        words(models.AdviceKinds),
	"advice.kind.":       words(models.AdviceKinds),
	"advice.why.":        words(models.AdviceKinds),
	"advice.effect.":     words(models.AdviceKinds),
	"restart.move.":      {"up", "down"},
	"restart.rank.":      models.RestartRanks,
	"restart.edit.":      {"daily_budget_fen", "schedule", "bid_fen", "match_type", "switched_on", "added", "removed"},
	"method.":            words(rails),
	"method.speed.":      words(rails),
	"method.fee.":        words(rails),
	"bank.":              unionpay.Banks,
	"timeline.":          words(models.EventKinds),
	"timeline.ends.":     words(components.EventsThatEnd),
	"api.reject.":        words(slices.Concat(models.RejectCodes, models.ResultCodes)),
	"api.problem.":       problems(),
	"restart.refused.":   models.RefusedReasons,
	"match.":             words(models.MatchTypes),
	"switch.":            models.KeywordSwitches,
	"undo.did.":          words(models.EditKinds),
	"forecast.gap.":      words(models.ForecastGaps),
	"ledger.kind.":       views.LedgerKinds,
	"ledger.purse.":      {"cash", "bonus"},
	"ladder.step.":       views.LadderSteps,
	"ladder.hand.":       {"arrears_cleared", "restarted"},
	"ladder.state.":      {"skipped", "now", "ahead"},
	"recharge.basis.":    {"minimum", "arrears", "days"},
	"account.verdict.":   {"fine", "low", "empty", "fresh", "arrears", "suspended", "waiting", "frozen"},
	"steps.":             components.RechargeSteps,
	"mail.subject.":      words(models.MailKinds),
	"mail.body.":         words(models.MailKinds),
	"mail.action.":       words(models.MailKinds),
	"shop_role.":         words(models.ShopRoles),
	"shop_role.may.":     words(models.ShopRoles),
	"shop_permission.":   words(models.ShopPermissions),
	"invitation.state.":  words(models.InvitationStates),
	"language.":          text.Languages,
	"theme.":             {"light", "dark", "auto"},
	"nav.":               {"overview", "promotion", "finance", "campaigns", "restart", "advice", "reports", "recharge", "payments", "ledger", "alerts", "staff", "jobs", "audit", "reconciliation", "staff_payments", "suspense", "statements", "approvals", "methods", "figures", "accounts", "members", "security", "settings", "people", "my_security"},
	"audit.action.":      models.AuditActions,
	"audit.file.":        models.AuditColumns,
	"factor.kind.":       append(words([]models.FactorKind{models.FactorTOTP, models.FactorRecovery, models.FactorPasskey}), "password"),
	"role.":              words([]models.Role{models.RoleSupport, models.RoleFinance, models.RoleAdmin}),
	"measure.":           views.MeasureNames,
	"report.by.":         words(models.ReportSteps),
	"report.rows.":       words(models.ReportSteps),
	"report.period.":     models.ReportPeriods,
	"weekday.":           {"0", "1", "2", "3", "4", "5", "6"},
	"payment.elsewhere.": {"desk", "phone", "in_wechat"},
	"finding.by.":        {"expiry", "poll", "return", "seller", "notify", "staff"},
	"finding.answer.":    findings,
	"failure.":           failures(),

	"reconcile.state.":          words(models.ReconciliationStates),
	"difference.kind.":          words(models.DifferenceKinds),
	"difference.hint.":          words(models.DifferenceKinds),
	"difference.stated.refund.": words([]models.DifferenceKind{models.OnlyOurs, models.OnlyTheirs, models.AmountDiffers, models.StateDiffers}),
	"difference.stated.":        words([]models.DifferenceKind{models.OnlyOurs, models.OnlyTheirs, models.AmountDiffers, models.StateDiffers}),
	"difference.resolution.":    words(models.Resolutions),
	"suspense.reason.":          admin.SuspenseReasons,
	"difference.refund.state.":  words(models.RefundStates),
	"difference.refund.hint.":   words([]models.DifferenceKind{models.OnlyOurs, models.StateDiffers}),
	"staff_payment.sign.":       words(models.PaymentSigns),
	"staff_payment.by.":         {"expiry", "poll", "return", "seller", "notify", "staff"},
	"staff_payment.trade.":      words(trades),
	"staff_payment.verdict.":    append(words(outcomes), "received"),
	"approval.kind.":            words(models.ApprovalKinds),
	"approval.state.":           words(models.ApprovalStates),
	"approval.lead.":            words(models.ApprovalStates),
	"approvals.show.":           admin.ApprovalsShown,
	"ask.title.":                words(models.ApprovalKinds),
	"ask.lead.":                 words(models.ApprovalKinds),
	"refund.state.":             words(models.RefundStates),
	"alert.rung.":               append(words(models.Rungs), "test"),
	"alert.says.":               words(models.Rungs),
	"alert.channel.":            append(words(models.Channels), "mail"),
	"alert.audience.":           words(models.Audiences),
	"alert.delivery.":           words(models.AlertDeliveryStates),
	"bonus.state.":              {"left", "spent", "expired"},
	"refund.by_hand.":           {"reserved", "settled", "released"},
	"figure.":                   figures(),
	"band.":                     figures(),
	"lines.state.":              words(models.LineStates),
	"lines.reason.":             models.MatchReasons,
	"statements.layout.":        admin.StatementLayouts,
	"mapping.field.":            admin.MappingFields,
	"level.":                    words([]models.Level{models.LevelWarn, models.LevelAlarm}),
}

var rails = []models.Rail{models.RailAlipay, models.RailWechat, models.RailUnionpay, models.RailBankTransfer}

var trades = []models.TradeState{models.TradeUnknown, models.TradeNotExist, models.TradeWaiting, models.TradePaid, models.TradeClosed}

var outcomes = []models.Outcome{
	models.OutcomeSettled, models.OutcomeLate, models.OutcomeAlready, models.OutcomeNotPaid,
	models.OutcomeAsk, models.OutcomeSuspense, models.OutcomeRefused, models.OutcomeUnsettled,
}

var findings = append(words(trades), append(words(outcomes), "unavailable")...)

func figures() (keys []string) {
	for _, band := range models.Bands {
		keys = append(keys, string(band.Figure))
	}
	return keys
}

func failures() (keys []string) {
	for _, status := range []string{"403", "404", "409", "422", "429", "500", "503"} {
		keys = append(keys, status+".title", status+".text")
	}
	return keys
}

func problems() (keys []string) {
	for _, code := range api.Codes {
		keys = append(keys, code+".title", code+".detail")
	}
	return keys
}

func words[W ~string](values []W) (s []string) {
	for _, v := range values {
		s = append(s, string(v))
	}
	return s
}

// foreign are the sections that other packages speak as bare literals.
var foreign = []string{"error", "flash", "banner"}

// said finds the keys that any package hands to text.
var said = regexp.MustCompile(`text\.T(?:Map)?\([^\n]*?"([a-z_]+\.[a-z0-9_.]+)"`)

var literal = regexp.MustCompile(`"([a-z_]+(?:\.[A-Za-z0-9_-]+)*\.?)"`)

// TestEveryKeySpokenExistsAndNoneIsDead reads every source of the project for
// keys, as literals and as prefixes of what is put together.
func TestEveryKeySpokenExistsAndNoneIsDead(t *testing.T) {
	catalogue := keysOf(t)
	sections := map[string]bool{}
	for key := range catalogue {
		section, _, _ := strings.Cut(key, ".")
		sections[section] = true
	}
	spoken, prefixes := map[string]bool{}, map[string]bool{}
	for file, source := range sources(t) {
		for _, m := range said.FindAllStringSubmatch(source, -1) {
			if key := m[1]; !catalogue[key] && !strings.HasSuffix(key, ".") {
				t.Errorf("%s says %q, which the catalogues do not know", file, key)
			}
		}
		inViews := strings.HasPrefix(file, "views/")
		for _, m := range literal.FindAllStringSubmatch(source, -1) {
			key := m[1]
			section, rest, dotted := strings.Cut(key, ".")
			switch {
			case !dotted || !sections[section]:
			case strings.HasSuffix(key, "."):
				prefixes[key] = true
			case catalogue[key]:
				spoken[key] = true
			case rest != "" && (inViews || slices.Contains(foreign, section)):
				t.Errorf("%s speaks %q, which the catalogues do not know", file, key)
			}
		}
	}
	for prefix, values := range made {
		if !prefixes[prefix] {
			t.Errorf("nobody puts keys of %q together any more", prefix)
		}
		for _, value := range values {
			if spoken[prefix+value] = true; !catalogue[prefix+value] {
				t.Errorf("the catalogues do not know %q", prefix+value)
			}
		}
	}
	for prefix := range prefixes {
		if made[prefix] == nil {
			t.Errorf("keys of %q are put together of values that this test is not told", prefix)
		}
	}
	for key := range catalogue {
		if !spoken[key] {
			t.Errorf("nobody speaks %q", key)
		}
	}
}

func keysOf(t *testing.T) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("text/zh-CN.json")
	if err != nil {
		t.Fatal(err)
	}
	var entries map[string]any
	if err := json.Unmarshal(raw, &entries); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for key := range entries {
		keys[key] = true
	}
	return keys
}

// sources reads what people wrote: .templ and .go, without tests and what templ
// generated, by path from the root of the project.
func sources(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{"node_modules", ".git", ".cache", "data", "bin"}, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		written := filepath.Ext(path) == ".templ" ||
			filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "_templ.go")
		if !written {
			return nil
		}
		content, err := fs.ReadFile(root, path)
		found[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
