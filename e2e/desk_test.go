package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDesk tunes a campaign as a seller does, and puts it back.
func TestDesk(t *testing.T) {
	t.Parallel()
	b := newTab(t, serve(t))
	b.signIn("active@demo.test")
	b.step("a_bid_in_its_row", func() {
		b.open("/campaigns")
		b.press("四件套主推")
		b.at(`/campaigns/\d+$`)
		b.see("纯棉四件套", "床上四件套", "点击率", "计划合计")
		b.look("desk-campaign")
		b.fill("bid", "2.5")
		b.pressIn("tbody tr", "保存")
		b.see("已修改 1 个关键词的出价", "¥2.10 → ¥2.50")
		b.look("desk-undo")
		b.fill("bid", "0.01")
		b.pressIn("tbody tr", "保存")
		b.see("出价不能低于")
		b.wait("the refused bid has the focus", `document.activeElement.name === "bid"`)
		b.look("desk-bid-refused")
	})
	b.step("undo", func() {
		b.submitIn(".undo-bar", "撤销")
		b.see("已撤销，恢复了 1 项")
	})
	b.step("bids_in_bulk", func() {
		b.press("全选")
		b.fill("percent", "10")
		b.submit("预览")
		b.see("预览：调整出价", "¥2.31", "¥2.64")
		b.look("desk-preview")
		b.submit("应用 2 项修改")
		b.see("已修改 2 个关键词的出价")
	})
	b.step("a_schedule", func() {
		b.press("修改投放时段")
		b.at(`/campaigns/\d+/schedule$`)
		b.do(chromedp.Click(chromedp.CSS(`input[name=days][value="4"]`)))
		b.fill("factor", "130")
		b.submit("保存这一段")
		b.see("已保存投放时段", "09:00–22:00 130%")
		b.look("desk-schedule")
		b.submitIn(".undo-bar", "撤销")
		b.see("已撤销", "全天 100%")
	})
	b.step("campaigns_in_bulk", func() {
		b.open("/campaigns?sort=-budget")
		b.see("近 7 天", "今日花费 / 日限额")
		b.look("desk-campaigns")
		b.press("全选")
		b.fill("percent", "10")
		b.submit("预览")
		b.see("预览：调整日限额", "¥330.00")
		b.look("desk-budgets-preview")
		b.submit("应用")
		b.see("已修改选中的计划")
		b.submitIn(".undo-bar", "撤销")
		b.see("已撤销")
		b.press("四件套主推")
	})
	b.step("english", func() {
		names := append(sellersWords(t), "纯棉四件套", "床上四件套")
		b.submitIn("header", "EN")
		b.see("Campaign total")
		inEnglish(b, names)
		b.look("desk-campaign")
		b.press("Change the schedule")
		b.see("A bid factor for each half hour")
		inEnglish(b, names)
		b.open("/campaigns")
		b.see("Today / budget", "Ticked campaigns")
		inEnglish(b, append(names, "四件套主推"))
		b.look("desk-campaigns")
	})
}
