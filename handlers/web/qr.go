package web

import (
	"bytes"
	"image/png"
	"net/http"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/labstack/echo/v4"
)

// qrSide is about how many pixels a code is wide; its modules are whole ones.
const qrSide = 400

// QR answers with a QR code, as a picture, of the content.
func QR(c echo.Context, content string) error {
	code, err := qr.Encode(content, qr.M, qr.Auto)
	if err != nil {
		return err
	}
	scale := max(1, qrSide/code.Bounds().Dx())
	if code, err = barcode.Scale(code, code.Bounds().Dx()*scale, code.Bounds().Dy()*scale); err != nil {
		return err
	}
	var image bytes.Buffer
	if err := png.Encode(&image, code); err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "image/png", image.Bytes())
}
