package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"ztc-portal/gateways/sandbox"
)

// robot is a group's robot that keeps what it was sent.
type robot struct {
	*httptest.Server
	mu  sync.Mutex
	got []string
}

func newRobot(t *testing.T) *robot {
	t.Helper()
	r := &robot{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		raw, _ := io.ReadAll(q.Body)
		var body struct {
			Markdown struct {
				Content string `json:"content"`
			} `json:"markdown"`
		}
		json.Unmarshal(raw, &body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, body.Markdown.Content)
		io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *robot) was(words string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(strings.Join(r.got, "\n"), words)
}

// TestAlertsReachPageMailAndRobot: a seller in arrears is told on the page, by mail
// and by a robot that was tried first, and pays; that is told as well.
func TestAlertsReachPageMailAndRobot(t *testing.T) {
	t.Parallel()
	box, mailed := openMailbox(t)
	group := newRobot(t)
	b := newTab(t, serve(t, mailed))
	b.signIn("arrears@demo.test")
	b.step("wrong_input", func() {
		b.open("/alerts")
		b.fill("below", "much")
		b.fill("quiet_from", "24")
		b.submit("保存")
		b.see("请输入数字金额", "请填写 0 到 23 的整点")
		b.look("alerts-refused")
	})
	b.step("settings", func() {
		b.fill("below", "500")
		b.fill("quiet_from", "")
		b.fill("quiet_until", "")
		b.submit("保存")
		b.see("提醒设置已保存")
		b.fill("name", "财务群")
		b.fill("address", "not an address")
		b.submitIn("form[action='/alerts/targets']", "添加")
		b.see("请填写 https:// 开头的完整地址")
	})
	b.step("a_robot_that_is_tried", func() {
		eval[string](b, `document.querySelector("select[name=channel]").value = "wecom"`)
		b.fill("name", "财务群")
		b.fill("address", group.URL+"/cgi-bin/webhook/send?key=made-up")
		b.submitIn("form[action='/alerts/targets']", "添加")
		b.see("已添加", "企业微信群机器人")
		b.submit("发送测试")
		b.see("测试已发出")
		await(t, patience, "the test message", func() bool { return group.was("收到它，说明提醒可以送达") })
	})
	b.step("paid_is_told", func() {
		b.open("/recharge?amount=2000&method=alipay")
		b.press("下一步")
		b.at(`/confirm$`)
		b.submit("确认并付款")
		b.at(`/cashier/`)
		b.submit("付款 ¥2,000.00")
		b.at(`/payments/R`)
		for _, about := range []string{"账户欠费", "充值到账", "欠费已还清"} {
			await(t, patience, "a mail about "+about, func() bool {
				mails, err := box.Mails(t.Context(), "arrears@demo.test")
				return err == nil && slices.ContainsFunc(mails, func(m sandbox.ReceivedMail) bool { return strings.Contains(m.Subject, about) })
			})
		}
		await(t, patience, "the robot's word of the payment", func() bool { return group.was("充值 ¥2,000.00 已到账") && group.was("欠费已还清") })
		b.open("/alerts")
		b.see("充值到账", "欠费已还清，投放恢复", "条未读", "已送达")
		b.look("alerts")
		b.submit("全部标为已读")
		b.see("已全部标为已读")
	})
	b.step("english", func() {
		b.submitIn("header", "EN")
		b.see("Recharge received", "Delivery log", "Delivered")
		inEnglish(b, append(sellersWords(t), "财务群"))
		b.look("alerts")
	})
}
