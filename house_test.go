package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

// This file is the plan of the house: which folders there are, who may import
// whom, and what no file may hold. TestHouse reads the sources (nothing is
// compiled); TestHouseSeesViolations plants each mistake and sees it found.

const module = "ztc-portal"

// floors: a package imports packages of ours on lower floors only. A folder with
// code that is not listed here is not part of the plan.
var floors = map[string]int{
	".": 9, "e2e": 9,
	"handlers":       8,
	"handlers/admin": 7, "handlers/api": 7,
	"handlers/web": 6, "jobs": 6,
	"views": 5, "views/admin": 5, "views/mail": 5,
	"views/layout": 4, "gateways/conformance": 4, "gateways/gatewaystest": 5,
	"views/components": 3, "gateways/alipay": 3, "gateways/wechat": 3, "gateways/unionpay": 3, "gateways/bank": 3,
	"views/text": 2, "gateways": 2, "gateways/sandbox": 2, "models/modelstest": 2,
	"models": 1, "static": 1,
	"models/ledger": 0, "models/migrations": 0,
	"models/bulk": -1,
}

// topLevel is every folder a clone has; notOurs stand beside them on a
// developer's machine.
var (
	topLevel = []string{".ci", "e2e", "gateways", "handlers", "jobs", "models", "static", "views"}
	notOurs  = []string{".cache", ".git", ".idea", ".vscode", "bin", "data", "node_modules"}
)

const (
	gorm      = "gorm.io"
	echo      = "github.com/labstack/echo"
	templ     = "github.com/a-h/templ"
	river     = "github.com/riverqueue"
	riverPage = "riverqueue.com"
	alipayLib = "github.com/smartwalle"
	wechatLib = "github.com/wechatpay-apiv3"
	decimals  = "github.com/shopspring/decimal"
)

// banned says what the packages of a folder (and of those in it) never import.
// A test may import more, but gorm only where the package itself may.
var banned = []struct {
	folder  string
	imports []string
}{
	{"models", []string{echo, templ, "net/http", river, riverPage}},
	{"models/ledger", []string{decimals}},
	{"gateways", []string{gorm, "database/sql", echo, templ, river, riverPage, module + "/views"}},
	{"views", []string{gorm, "database/sql", echo, "net/http", river, riverPage}},
	{"handlers", []string{gorm, "database/sql", river, riverPage}},
	{"jobs", []string{gorm, echo}},
	{"static", []string{gorm, "database/sql", echo, templ, river}},
	{".", []string{gorm}},
}

// alone is a library and the only place that imports it, tests of others included.
var alone = []struct{ library, place string }{
	{decimals, "models/money"},
	{alipayLib, "gateways/alipay/"},
	{wechatLib, "gateways/wechat/"},
	{gorm, "models/"},
}

// forTests are packages that only tests import; sandbox is for main as well.
var forTests = []string{"models/modelstest", "gateways/conformance", "gateways/gatewaystest"}

const sandboxFolder = "gateways/sandbox"

// withRules are the folders whose README.md says what they own and what must hold.
var withRules = []string{"models", "models/ledger", "gateways/alipay", "gateways/wechat", "gateways/unionpay", "gateways/bank", sandboxFolder}

const (
	maxFunctionLines = 70
	maxFileLines     = 500
)

// house is the tree as the checks see it.
type house struct {
	files   fs.FS
	sources []source
	fset    *token.FileSet
}

// source is one text file of the project; tree is nil unless it is a .go file.
type source struct {
	name, folder, text string
	tree               *ast.File
	imports            map[string]string // name in this file → path
	test               bool              // _test.go, or a package that only tests import
}

var checks = []struct {
	name string
	find func(house) []string
}{
	{"top-level folders", foldersBeyondThePlan},
	{"floors", importsUpwards},
	{"banned imports", bannedImports},
	{"lone imports", importsOutOfPlace},
	{"sandbox and test packages", testPackagesInUse},
	{"rows in views", rowsInViews},
	{"long functions", longFunctions},
	{"long files", longFiles},
	{"Han text", hanText},
	{"GORM by hand", gormMagic},
	{"clock", clockReads},
	{"floats", floatTypes},
	{"unfinished", unfinished},
	{"skipped tests", skippedTests},
	{"package READMEs", missingReadmes},
	{"migrations", unevenMigrations},
}

func TestHouse(t *testing.T) {
	h := readHouse(t, os.DirFS("."))
	if len(h.sources) < 5 {
		t.Fatalf("only %d sources were read", len(h.sources))
	}
	for _, check := range checks {
		t.Run(check.name, func(t *testing.T) {
			for _, complaint := range check.find(h) {
				t.Error(complaint)
			}
		})
	}
}

// readHouse reads every text file that people write.
func readHouse(t *testing.T, files fs.FS) house {
	t.Helper()
	h := house{files: files, fset: token.NewFileSet()}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains(notOurs, name) || name == "static/dist" || name == "e2e/out" {
				return fs.SkipDir
			}
			return nil
		}
		if !written(name) {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		one, err := h.parse(name, string(text))
		h.sources = append(h.sources, one)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// written says whether people write this file and others read it as text.
func written(name string) bool {
	kinds := []string{".go", ".templ", ".js", ".mjs", ".css", ".sql", ".md", ".sh", ".html"}
	base := path.Base(name)
	return !strings.HasSuffix(name, "_templ.go") && !strings.Contains(name, "/testdata/") &&
		(slices.Contains(kinds, path.Ext(name)) || base == "Makefile" || name == ".ci/run")
}

var (
	templImports = regexp.MustCompile(`(?ms)^import\s*\((.*?)^\)|^import\s+([^(\n]+)$`)
	importLine   = regexp.MustCompile(`(?m)^\s*(?:([\w.]+)\s+)?"([^"]+)"`)
)

func (h house) parse(name, text string) (source, error) {
	one := source{name: name, folder: path.Dir(name), text: text, imports: map[string]string{}}
	one.test = strings.HasSuffix(name, "_test.go") || slices.Contains(forTests, one.folder) || one.folder == "e2e"
	keep := func(alias, imported string) {
		if alias == "" || alias == "_" || alias == "." {
			alias = path.Base(imported)
		}
		one.imports[alias] = imported
	}
	switch path.Ext(name) {
	case ".go":
		tree, err := parser.ParseFile(h.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return one, err
		}
		one.tree = tree
		for _, spec := range tree.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return one, err
			}
			alias := ""
			if spec.Name != nil {
				alias = spec.Name.Name
			}
			keep(alias, imported)
		}
	case ".templ":
		for _, block := range templImports.FindAllStringSubmatch(text, -1) {
			for _, line := range importLine.FindAllStringSubmatch(block[1]+block[2], -1) {
				keep(line[1], line[2])
			}
		}
	}
	return one, nil
}

// code yields the .go files, ours without tests.
func (h house) code() []source {
	return slices.DeleteFunc(slices.Clone(h.sources), func(s source) bool { return s.tree == nil || s.test })
}

func (s source) isCode() bool { return s.tree != nil || path.Ext(s.name) == ".templ" }

// line says where a node stands, as editors take it.
func (h house) line(at token.Pos) string {
	p := h.fset.Position(at)
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// within says whether name is the folder or in it; "." holds its own files only.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// ours returns the folder of an imported package of the module.
func ours(imported string) (folder string, ok bool) {
	return strings.CutPrefix(imported, module+"/")
}

func foldersBeyondThePlan(h house) []string {
	entries, err := fs.ReadDir(h.files, ".")
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, entry := range entries {
		if entry.IsDir() && !slices.Contains(topLevel, entry.Name()) && !slices.Contains(notOurs, entry.Name()) {
			found = append(found, entry.Name()+"/ is not in the plan; its top-level folders are "+strings.Join(topLevel, " "))
		}
	}
	return found
}

func importsUpwards(h house) []string {
	var found []string
	for _, s := range h.sources {
		if !s.isCode() {
			continue
		}
		floor, planned := floors[s.folder]
		if !planned {
			found = append(found, s.name+": folder "+s.folder+" is not in the plan")
			continue
		}
		for _, imported := range s.imports {
			folder, ok := ours(imported)
			if !ok {
				continue
			}
			its, known := floors[folder]
			switch {
			case !known:
				found = append(found, s.name+" imports "+folder+", which is not in the plan")
			case its >= floor && !strings.HasSuffix(s.name, "_test.go"):
				found = append(found, fmt.Sprintf("%s (floor %d) imports %s (floor %d); only lower floors may be imported", s.name, floor, folder, its))
			}
		}
	}
	return found
}

func bannedImports(h house) []string {
	var found []string
	for _, s := range h.sources {
		for _, rule := range banned {
			if !within(s.folder, rule.folder) {
				continue
			}
			for _, imported := range s.imports {
				for _, ban := range rule.imports {
					ownStorage := s.folder == sandboxFolder && ban == "database/sql"
					if within(imported, ban) && (!s.test || ban == gorm) && !ownStorage {
						found = append(found, fmt.Sprintf("%s imports %s; %s never does", s.name, imported, rule.folder))
					}
				}
			}
		}
	}
	return found
}

func importsOutOfPlace(h house) []string {
	var found []string
	for _, s := range h.sources {
		for _, imported := range s.imports {
			for _, rule := range alone {
				if within(imported, rule.library) && !strings.HasPrefix(s.name, rule.place) {
					found = append(found, fmt.Sprintf("%s imports %s; only %s does", s.name, imported, rule.place))
				}
			}
		}
	}
	return found
}

func testPackagesInUse(h house) []string {
	var found []string
	for _, s := range h.sources {
		if s.test {
			continue
		}
		for _, imported := range s.imports {
			folder, ok := ours(imported)
			switch {
			case ok && s.folder == sandboxFolder:
				found = append(found, s.name+" imports "+folder+"; the sandbox shares nothing with the portal")
			case folder == sandboxFolder && s.folder != ".":
				found = append(found, s.name+" imports the sandbox; only main and tests do")
			case slices.Contains(forTests, folder):
				found = append(found, s.name+" imports "+folder+"; only tests do")
			}
		}
	}
	return found
}

var templComment = regexp.MustCompile(`(?m)^\s*//.*$`)

// rowsInViews: a view gets values, never a table's row or the store.
func rowsInViews(h house) []string {
	rows := rowTypes(h)
	var found []string
	for _, s := range h.sources {
		if !within(s.folder, "views") || s.test || !s.isCode() {
			continue
		}
		text := templComment.ReplaceAllString(s.text, "")
		for alias, imported := range s.imports {
			folder, _ := ours(imported)
			if folder != "models" && folder != "models/ledger" {
				continue
			}
			uses := regexp.MustCompile(`\b` + regexp.QuoteMeta(alias) + `\.(\w+)`)
			for _, use := range uses.FindAllStringSubmatch(text, -1) {
				if rows[folder+"."+use[1]] {
					found = append(found, s.name+" mentions "+use[0]+", which is a table's row or the store; views get values")
				}
			}
		}
	}
	return found
}

// rowTypes finds the structs of models that GORM maps: those with a gorm tag or a
// table name, and those that embed one of them.
func rowTypes(h house) map[string]bool {
	rows := map[string]bool{"models.Store": true}
	for grown := true; grown; {
		grown = false
		for _, s := range h.code() {
			if s.folder != "models" && s.folder != "models/ledger" {
				continue
			}
			ast.Inspect(s.tree, func(n ast.Node) bool {
				name := ""
				switch n := n.(type) {
				case *ast.TypeSpec:
					if fields, ok := n.Type.(*ast.StructType); ok && isRow(fields, s.folder, rows) {
						name = n.Name.Name
					}
				case *ast.FuncDecl:
					if n.Name.Name == "TableName" {
						name = receiver(n)
					}
				}
				if key := s.folder + "." + name; name != "" && !rows[key] {
					rows[key], grown = true, true
				}
				return true
			})
		}
	}
	return rows
}

func isRow(fields *ast.StructType, folder string, rows map[string]bool) bool {
	return slices.ContainsFunc(fields.Fields.List, func(f *ast.Field) bool {
		if f.Tag != nil && strings.Contains(f.Tag.Value, `gorm:"`) {
			return true
		}
		embedded, ok := f.Type.(*ast.Ident)
		return ok && len(f.Names) == 0 && rows[folder+"."+embedded.Name]
	})
}

// receiver is the name of the type a method belongs to, "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return ""
	}
	kind := f.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

func longFunctions(h house) []string {
	var found []string
	for _, s := range h.code() {
		for _, declared := range s.tree.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if lines := h.fset.Position(f.End()).Line - h.fset.Position(f.Pos()).Line + 1; lines > maxFunctionLines {
				found = append(found, fmt.Sprintf("%s: %s has %d lines, at most %d", h.line(f.Pos()), f.Name.Name, lines, maxFunctionLines))
			}
		}
	}
	return found
}

func longFiles(h house) []string {
	var found []string
	for _, s := range h.sources {
		if lines := strings.Count(s.text, "\n"); s.isCode() && !s.test && lines > maxFileLines {
			found = append(found, fmt.Sprintf("%s has %d lines, at most %d: one file, one subject", s.name, lines, maxFileLines))
		}
	}
	return found
}

func hanText(h house) []string {
	var found []string
	for _, s := range h.sources {
		if !s.isCode() || strings.HasSuffix(s.name, "_test.go") {
			continue
		}
		for i, line := range strings.Split(s.text, "\n") {
			if strings.ContainsFunc(line, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				found = append(found, fmt.Sprintf("%s:%d: Chinese words belong into the text catalogue: %s", s.name, i+1, strings.TrimSpace(line)))
			}
		}
	}
	return found
}

var gormHook = regexp.MustCompile(`^(Before|After)(Create|Update|Save|Delete|Find)$`)

// gormMagic: GORM maps; it holds no rules, changes no schema, deletes nothing softly.
func gormMagic(h house) []string {
	magic := []string{"AutoMigrate", "Save", "Association", "DeletedAt"}
	var found []string
	for _, s := range h.code() {
		if !within(s.folder, "models") {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil && gormHook.MatchString(n.Name.Name) {
					found = append(found, h.line(n.Pos())+": "+n.Name.Name+" is a GORM hook; rules stand in commands")
				}
			case *ast.SelectorExpr:
				x, _ := n.X.(*ast.Ident)
				if slices.Contains(magic, n.Sel.Name) || n.Sel.Name == "Model" && x != nil && s.imports[x.Name] == "gorm.io/gorm" {
					found = append(found, h.line(n.Pos())+": "+n.Sel.Name+" of GORM is not used here; write the columns meant")
				}
			}
			return true
		})
	}
	return found
}

// clockReads: rules and pages are given the instant, so that one act has one and
// tests can move it. Only a clock itself, a func() time.Time, may read the time.
func clockReads(h house) []string {
	var found []string
	for _, s := range h.code() {
		if !within(s.folder, "models") && !within(s.folder, "views") {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return !isClock(n.Type)
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := f.X.(*ast.Ident); ok && s.imports[x.Name] == "time" && slices.Contains([]string{"Now", "Since", "Until"}, f.Sel.Name) {
					found = append(found, h.line(n.Pos())+": time."+f.Sel.Name+" is read; the instant is passed in")
				}
			}
			return true
		})
	}
	return found
}

func isClock(f *ast.FuncType) bool {
	if f.Params.NumFields() != 0 || f.Results.NumFields() != 1 {
		return false
	}
	result, ok := f.Results.List[0].Type.(*ast.SelectorExpr)
	return ok && result.Sel.Name == "Time"
}

// floatTypes: where money is posted or read off a wire, it is a whole number of fen.
func floatTypes(h house) []string {
	var found []string
	for _, s := range h.code() {
		if s.folder != "models/ledger" && !within(s.folder, "gateways") {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok && (name.Name == "float64" || name.Name == "float32") {
				found = append(found, h.line(n.Pos())+": a float; money is whole fen")
			}
			return true
		})
	}
	return found
}

// Spelt in two halves, so that this file does not find itself.
var openEnds = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)

func unfinished(h house) []string {
	var found []string
	for _, s := range h.sources {
		for i, line := range strings.Split(s.text, "\n") {
			if openEnds.MatchString(line) {
				found = append(found, fmt.Sprintf("%s:%d: do it or drop it: %s", s.name, i+1, strings.TrimSpace(line)))
			}
		}
	}
	return found
}

func skippedTests(h house) []string {
	var found []string
	for _, s := range h.sources {
		if s.tree == nil || !s.test {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow", "Short"}, f.Sel.Name) {
				found = append(found, h.line(n.Pos())+": "+f.Sel.Name+": a test runs or is deleted")
			}
			return true
		})
	}
	return found
}

func missingReadmes(h house) []string {
	var found []string
	for _, folder := range withRules {
		inUse := slices.ContainsFunc(h.sources, func(s source) bool { return s.folder == folder && s.tree != nil })
		if text, err := fs.ReadFile(h.files, folder+"/README.md"); inUse && (err != nil || len(strings.TrimSpace(string(text))) == 0) {
			found = append(found, folder+"/README.md is missing: what the package owns, what it does not, what must hold, what its times mean")
		}
	}
	return found
}

var migrationName = regexp.MustCompile(`^(\d{5})_\w+\.sql$`)

// unevenMigrations: the same numbers for both engines, each once.
func unevenMigrations(h house) []string {
	const folder = "models/migrations/"
	var found []string
	engines := []string{"sqlite", "postgres"}
	names := map[string]map[string]string{} // engine → number → file
	for _, s := range h.sources {
		engine := strings.TrimPrefix(s.folder, folder)
		if path.Ext(s.name) != ".sql" || !slices.Contains(engines, engine) {
			continue
		}
		number := migrationName.FindStringSubmatch(path.Base(s.name))
		if number == nil {
			found = append(found, s.name+": a migration is named NNNNN_what_it_does.sql")
			continue
		}
		if names[engine] == nil {
			names[engine] = map[string]string{}
		}
		if twin := names[engine][number[1]]; twin != "" {
			found = append(found, s.name+" has the number of "+twin)
		}
		names[engine][number[1]] = s.name
	}
	for i, engine := range engines {
		other := engines[1-i]
		for number, name := range names[engine] {
			if names[other][number] == "" {
				found = append(found, name+" has no "+folder+other+"/"+number+"_*.sql beside it")
			}
		}
	}
	return found
}

// sound is a small house without fault; each violation is planted in it.
func sound() fstest.MapFS {
	plan := fstest.MapFS{}
	for name, text := range map[string]string{
		"main.go":                                "package main\nimport _ \"ztc-portal/gateways/sandbox\"\nimport _ \"ztc-portal/handlers\"\n",
		"Makefile":                               "help:\n",
		"README.md":                              "# ztc-portal\n",
		"models/README.md":                       "# models\n",
		"models/money.go":                        "package models\nimport \"github.com/shopspring/decimal\"\ntype Fen int64\nvar _ decimal.Decimal\n",
		"models/payment.go":                      "package models\nimport (\n\"time\"\n\"gorm.io/gorm\"\n)\ntype Payment struct {\nID int64 `gorm:\"primaryKey\"`\n}\ntype State string\ntype Overview struct{ Cash Fen }\ntype Store struct{ db *gorm.DB; now func() time.Time }\nfunc open() Store { return Store{now: func() time.Time { return time.Now().UTC() }} }\n",
		"models/ledger/README.md":                "# ledger\n",
		"models/ledger/post.go":                  "package ledger\nimport _ \"gorm.io/gorm\"\n",
		"models/migrations/sqlite/00001_a.sql":   "select 1;\n",
		"models/migrations/postgres/00001_a.sql": "select 1;\n",
		"models/modelstest/open.go":              "package modelstest\nimport _ \"ztc-portal/models\"\n",
		"models/payment_test.go":                 "package models_test\nimport _ \"ztc-portal/models/modelstest\"\n",
		"gateways/alipay/README.md":              "# alipay\n",
		"gateways/alipay/sign.go":                "package alipay\nimport _ \"github.com/smartwalle/alipay/v3\"\nimport _ \"ztc-portal/models\"\n",
		"gateways/sandbox/README.md":             "# sandbox\n",
		"gateways/sandbox/sandbox.go":            "package sandbox\nimport _ \"net/http\"\nimport _ \"database/sql\"\n",
		"gateways/alipay/alipay_test.go":         "package alipay\nimport _ \"ztc-portal/gateways/sandbox\"\n",
		"views/account.templ":                    "package views\n\nimport (\n\t\"ztc-portal/models\"\n\t\"ztc-portal/views/text\"\n)\n\n// never models.Payment\ntempl Account(o models.Overview) {\n}\n",
		"views/account_templ.go":                 "not even Go",
		"views/text/text.go":                     "package text\n",
		"handlers/account.go":                    "package handlers\nimport _ \"ztc-portal/views\"\nimport _ \"ztc-portal/models\"\n",
		"jobs/jobs.go":                           "package jobs\nimport _ \"github.com/riverqueue/river\"\nimport _ \"database/sql\"\n",
		"static/embed.go":                        "package static\n",
		"node_modules/x/index.js":                "// TO" + "DO\n",
	} {
		plan[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return plan
}

func TestSoundHousePasses(t *testing.T) {
	h := readHouse(t, sound())
	for _, check := range checks {
		for _, complaint := range check.find(h) {
			t.Errorf("%s: %s", check.name, complaint)
		}
	}
}

// Each row plants one file into the sound house: the check must say the words.
func TestHouseSeesViolations(t *testing.T) {
	imports := func(pkg, what string) string { return "package " + pkg + "\nimport _ \"" + what + "\"\n" }
	lines := func(n int) string { return strings.Repeat("\n", n) }
	seen := map[string]bool{}
	for _, planted := range []struct{ check, file, text, words string }{
		{"top-level folders", "services/README.md", "", "services/ is not in the plan"},
		{"top-level folders", ".hidden/x", "", ".hidden/ is not in the plan"},
		{"floors", "models/rules/a.go", "package rules\n", "models/rules is not in the plan"},
		{"floors", "models/a.go", imports("models", "ztc-portal/gateways"), "models/a.go (floor 1) imports gateways (floor 2)"},
		{"floors", "views/a.templ", "package views\n\nimport \"ztc-portal/handlers/web\"\n", "views/a.templ (floor 5) imports handlers/web (floor 6)"},
		{"floors", "jobs/a.go", imports("jobs", "ztc-portal/handlers/web"), "(floor 6) imports handlers/web (floor 6)"},
		{"floors", "handlers/a_test.go", imports("handlers", "ztc-portal/utils"), "imports utils, which is not in the plan"},
		{"banned imports", "models/a.go", imports("models", "net/http/httptest"), "models/a.go imports net/http/httptest"},
		{"banned imports", "models/ledger/a.go", imports("ledger", "github.com/riverqueue/river"), "models never does"},
		{"banned imports", "gateways/alipay/a.go", imports("alipay", "database/sql"), "gateways never does"},
		{"banned imports", "gateways/sandbox/a.go", imports("sandbox", "gorm.io/gorm"), "gateways never does"},
		{"banned imports", "gateways/rails.go", imports("gateways", "ztc-portal/views/text"), "gateways never does"},
		{"banned imports", "views/text/a.go", imports("text", "github.com/labstack/echo/v4"), "views never does"},
		{"banned imports", "views/a.templ", "package views\n\nimport (\n\t\"net/http\"\n)\n", "views/a.templ imports net/http"},
		{"banned imports", "handlers/web/a.go", imports("web", "gorm.io/gorm"), "handlers never does"},
		{"banned imports", "handlers/a_test.go", imports("handlers", "gorm.io/driver/sqlite"), "handlers never does"},
		{"banned imports", "handlers/a.go", imports("handlers", "github.com/riverqueue/river/rivertype"), "handlers never does"},
		{"banned imports", "jobs/a.go", imports("jobs", "github.com/labstack/echo/v4"), "jobs never does"},
		{"banned imports", "bench.go", imports("main", "gorm.io/gorm"), ". never does"},
		{"lone imports", "models/payment_test.go", imports("models", decimals), "only models/money does"},
		{"lone imports", "handlers/a_test.go", imports("handlers", "github.com/smartwalle/alipay/v3"), "only gateways/alipay/ does"},
		{"lone imports", "e2e/a_test.go", imports("e2e", "gorm.io/gorm"), "only models/ does"},
		{"sandbox and test packages", "gateways/sandbox/a.go", imports("sandbox", "ztc-portal/models"), "the sandbox shares nothing"},
		{"sandbox and test packages", "handlers/a.go", imports("handlers", "ztc-portal/gateways/sandbox"), "only main and tests do"},
		{"sandbox and test packages", "main.go", imports("main", "ztc-portal/models/modelstest"), "only tests do"},
		{"rows in views", "views/a.templ", "package views\n\nimport \"ztc-portal/models\"\n\ntempl A(p models.Payment) {\n}\n", "mentions models.Payment"},
		{"rows in views", "views/a.go", "package views\nimport m \"ztc-portal/models\"\ntype A struct { Store *m.Store }\n", "mentions m.Store"},
		{"long functions", "jobs/a.go", "package jobs\nfunc long() {" + lines(70) + "}\n", "jobs/a.go:2: long has 71 lines"},
		{"long files", "jobs/a.go", "package jobs\n" + lines(500), "jobs/a.go has 501 lines"},
		{"long files", "views/a.templ", "package views\n" + lines(500), "views/a.templ has 501 lines"},
		{"Han text", "views/a.templ", "package views\n\ntempl A() {\n<p>\u5145\u503c</p>\n}\n", "views/a.templ:4"},
		{"Han text", "jobs/a.go", "package jobs\n// \u6b20\u8d39\n", "jobs/a.go:2"},
		{"Han text", "models/modelstest/a.go", "package modelstest\n// \u6b20\u8d39\n", "models/modelstest/a.go:2"},
		{"GORM by hand", "models/a.go", "package models\nfunc (p *Payment) BeforeSave() error { return nil }\n", "BeforeSave is a GORM hook"},
		{"GORM by hand", "models/a.go", "package models\nfunc f(s Store) { s.db.Save(nil) }\n", "Save of GORM"},
		{"GORM by hand", "models/a.go", "package models\nfunc f(s Store) { s.db.AutoMigrate() }\n", "AutoMigrate of GORM"},
		{"GORM by hand", "models/ledger/a.go", "package ledger\nimport \"gorm.io/gorm\"\ntype A struct { gorm.Model }\n", "Model of GORM"},
		{"GORM by hand", "models/a.go", "package models\nimport \"gorm.io/gorm\"\ntype A struct { Gone gorm.DeletedAt }\n", "DeletedAt of GORM"},
		{"clock", "models/a.go", "package models\nimport \"time\"\nvar a = time.Now()\n", "time.Now is read"},
		{"clock", "models/a.go", "package models\nimport \"time\"\nfunc f() { func() { _ = time.Until(a) }() }\n", "time.Until is read"},
		{"clock", "views/text/a.go", "package text\nimport \"time\"\nvar a = time.Since(time.Time{})\n", "time.Since is read"},
		{"floats", "models/ledger/a.go", "package ledger\nvar sum float64\n", "models/ledger/a.go:2: a float"},
		{"floats", "gateways/alipay/a.go", "package alipay\nvar a = float32(1)\n", "gateways/alipay/a.go:2: a float"},
		{"unfinished", "models/ledger/README.md", "# ledger\nTO" + "DO: more\n", "models/ledger/README.md:2"},
		{"unfinished", "jobs/a.go", "package jobs\nvar ctx = context.TO" + "DO()\n", "jobs/a.go:2"},
		{"skipped tests", "jobs/a_test.go", "package jobs\nfunc TestA(t *testing.T) { t.Skip() }\n", "Skip: a test runs or is deleted"},
		{"skipped tests", "e2e/a_test.go", "package e2e\nvar a = testing.Short()\n", "Short: a test runs or is deleted"},
		{"package READMEs", "models/README.md", " \n", "models/README.md is missing"},
		{"package READMEs", "gateways/wechat/a.go", "package wechat\n", "gateways/wechat/README.md is missing"},
		{"migrations", "models/migrations/sqlite/00002_b.sql", "", "has no models/migrations/postgres/00002_*.sql"},
		{"migrations", "models/migrations/postgres/00003_b.sql", "", "has no models/migrations/sqlite/00003_*.sql"},
		{"migrations", "models/migrations/sqlite/00001_b.sql", "", "has the number of"},
		{"migrations", "models/migrations/sqlite/2_b.sql", "", "is named NNNNN_what_it_does.sql"},
	} {
		t.Run(planted.check+" in "+planted.file, func(t *testing.T) {
			plan := sound()
			plan[planted.file] = &fstest.MapFile{Data: []byte(planted.text)}
			h := readHouse(t, plan)
			for _, check := range checks {
				if check.name != planted.check {
					continue
				}
				seen[check.name] = true
				complaints := strings.Join(check.find(h), "\n")
				if !strings.Contains(complaints, planted.words) {
					t.Errorf("want a complaint with %q, got %q", planted.words, complaints)
				}
				return
			}
			t.Error("there is no such check")
		})
	}
	for _, check := range checks {
		if !seen[check.name] {
			t.Errorf("nothing shows that the check %q can fail", check.name)
		}
	}
}

// A row stays a row under an embedding struct or a table name of its own.
func TestRowsAreKnownByTagTableAndEmbedding(t *testing.T) {
	plan := sound()
	plan["models/a.go"] = &fstest.MapFile{Data: []byte("package models\ntype Listed struct { Payment; Name string }\ntype Plain struct { P Payment }\ntype Named struct{}\nfunc (*Named) TableName() string { return \"\" }\n")}
	rows := rowTypes(readHouse(t, plan))
	for name, want := range map[string]bool{"Payment": true, "Listed": true, "Named": true, "Store": true, "Plain": false, "Overview": false, "State": false} {
		if rows["models."+name] != want {
			t.Errorf("models.%s is a row: %v, want %v", name, !want, want)
		}
	}
}
