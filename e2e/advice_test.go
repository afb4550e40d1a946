package e2e

import "testing"

// TestAdvice follows what the demo's own figures advise, and puts it back.
func TestAdvice(t *testing.T) {
	t.Parallel()
	b := newTab(t, serve(t))
	b.signIn("active@demo.test")
	b.step("advice_that_stands_on_figures", func() {
		b.open("/advice")
		b.see("优化建议", "暂停关键词", "床上四件套", "没有成交", "预计每天节省", "毛利率")
		b.look("advice")
	})
	b.step("a_margin", func() {
		b.fill("margin", "0")
		b.submit("保存")
		b.see("毛利率须大于 0")
		b.look("advice-refused")
		b.fill("margin", "35")
		b.submit("保存")
		b.see("已保存毛利率")
	})
	b.step("a_highest_bid", func() {
		b.fill("ceiling", "0.01")
		b.submit("保存上限")
		b.see("出价不能低于")
		b.fill("ceiling", "8")
		b.submit("保存上限")
		b.see("已保存最高出价")
	})
	b.step("followed_and_put_back", func() {
		b.submitIn("li", "采纳")
		b.see("已采纳 1 项建议", "已采纳 1 条建议")
		b.look("advice-applied")
		b.submitIn(".undo-bar", "撤销")
		b.see("已撤销")
	})
	b.step("dismissed", func() {
		b.submit("忽略所选")
		b.see("请至少选择一条建议")
		b.submitIn("li", "忽略")
		b.see("已忽略 1 条", "重新显示")
	})
	b.step("english", func() {
		names := append(sellersWords(t), "四件套主推", "床上四件套", "纯棉四件套", "乳胶枕", "香薰蜡烛")
		b.submitIn("header", "EN")
		b.see("Advice", "1 dismissed")
		inEnglish(b, names)
		b.look("advice")
	})
}

// TestWhatAStopCost is read by the demo's seller whose money has run out.
func TestWhatAStopCost(t *testing.T) {
	t.Parallel()
	b := newTab(t, serve(t))
	b.signIn("overdue@demo.test")
	b.step("what_it_cost_and_how_that_is_known", func() {
		b.open("/advice")
		b.see("上次停投的代价", "成交金额", "停投前多充值约", "怎么算的")
		b.press("怎么算的")
		b.see("同一星期几", "约 33% 的可能落在其间")
		b.look("advice-stop")
	})
}
