package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"ztc-portal/gateways/sandbox"
)

// mailPath is where the demo's mails are read on the sandbox's listener.
const mailPath = "/mail"

// wechatPath is where WeChat Pay's side of the sandbox stands on its listener.
const wechatPath = "/wechat"

// sandboxes are the far sides of all rails that the demo plays: one listener,
// and a path, a database and keys for each.
type sandboxes struct {
	all  []*sandbox.Sandbox
	mail *sandbox.Mailbox // nil: mail goes elsewhere
	mux  *http.ServeMux
}

// openSandboxes opens what the settings leave to the demo, and points the
// settings at it.
func openSandboxes(s Settings, log *slog.Logger, now func() time.Time) (*sandboxes, Settings, error) {
	b := &sandboxes{mux: http.NewServeMux()}
	withWechat, withUnionpay, withMail := s.wechatSandbox(), s.unionpayGiven() == 0, s.mailSandbox() // asked before the settings name a sandbox
	alipay, err := b.open("/", sandbox.Open, sandbox.Options{DataDir: filepath.Join(s.DataDir, "sandbox"), Log: log, Now: now})
	if err != nil {
		return nil, s, err
	}
	s = s.withSandbox(alipay.Merchant())
	if withWechat {
		wechat, err := b.open(wechatPath+"/", sandbox.OpenWechat, sandbox.Options{
			DataDir: filepath.Join(s.DataDir, "sandbox", "wechat"), Log: log, Now: now, Path: wechatPath,
		})
		if err != nil {
			return nil, s, errors.Join(err, b.Close(context.Background()))
		}
		s = s.withWechatSandbox(wechat.WechatMerchant())
	}
	if withUnionpay {
		unionpay, err := b.open(unionpayPath+"/", sandbox.OpenUnionpay, sandbox.Options{
			DataDir: filepath.Join(s.DataDir, "sandbox", "unionpay"), Log: log, Now: now, Path: unionpayPath,
		})
		if err != nil {
			return nil, s, errors.Join(err, b.Close(context.Background()))
		}
		s = s.withUnionpaySandbox(unionpay.UnionpayMerchant())
	}
	if withMail {
		if s, err = b.openMailbox(s, log, now); err != nil {
			return nil, s, errors.Join(err, b.Close(context.Background()))
		}
	}
	return b, s, nil
}

// openMailbox opens a mail server on this machine that keeps what it gets, and
// points the settings at it.
func (b *sandboxes) openMailbox(s Settings, log *slog.Logger, now func() time.Time) (Settings, error) {
	box, err := sandbox.OpenMailbox(sandbox.Options{DataDir: filepath.Join(s.DataDir, "sandbox", "mail"), Log: log, Now: now, Path: mailPath})
	if err != nil {
		return s, fmt.Errorf("open the sandbox's mailbox: %w", err)
	}
	b.mail = box
	b.mux.Handle(mailPath, box.Handler())
	b.mux.Handle(mailPath+"/", box.Handler())
	s.SMTPURL = box.URL()
	return s, nil
}

// mailbox is where the demo's mails are read, "" when they go elsewhere.
func (b *sandboxes) mailbox(s Settings) string {
	if b == nil || b.mail == nil {
		return ""
	}
	return localURL(s.SandboxAddr) + mailPath
}

func (b *sandboxes) open(below string, open func(sandbox.Options) (*sandbox.Sandbox, error), options sandbox.Options) (*sandbox.Sandbox, error) {
	box, err := open(options)
	if err != nil {
		return nil, fmt.Errorf("open the sandbox gateway: %w", err)
	}
	b.all = append(b.all, box)
	b.mux.Handle(below, box.Handler())
	return box, nil
}

// Close closes them all; none on nil.
func (b *sandboxes) Close(ctx context.Context) error {
	var errs []error
	if b != nil {
		for _, box := range b.all {
			errs = append(errs, box.Close(ctx))
		}
		if b.mail != nil {
			errs = append(errs, b.mail.Close(ctx))
		}
	}
	return errors.Join(errs...)
}

// withWechatSandbox points the WeChat Pay rail at the sandbox: other address,
// other keys, the same code.
func (s Settings) withWechatSandbox(m sandbox.WechatMerchant) Settings {
	s.WechatBaseURL = localURL(s.SandboxAddr) + wechatPath
	s.WechatMchID, s.WechatAppID, s.WechatSerial = m.MchID, m.AppID, m.Serial
	s.WechatPrivateKeyFile, s.WechatAPIKeyFile = m.PrivateKeyFile, m.APIKeyFile
	s.WechatPublicKey = []string{m.PublicKeyID + "=" + m.PublicKeyFile}
	return s
}
