package models

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// What a campaign's keywords may be.
const (
	MaxKeywords  = 200 // of a campaign, those that are removed left out
	maxPhrase    = 40  // characters
	newQuality   = 5   // until the engine knows better
	removedWords = "removed"
	keptWords    = "kept"
)

// values are what sellers edit of a keyword.
func (k Keyword) values() []value {
	state := keptWords
	if k.RemovedAt != nil {
		state = removedWords
	}
	return []value{
		{"bid_fen", "keyword.bid", k.BidFen.Wire()},
		{"match_type", "keyword.match", string(k.MatchType)},
		{"switched_on", "keyword.switch", onOff(k.SwitchedOn)},
		{"removed", "keyword.remove", state},
	}
}

// set gives a value back to its field, as values writes it.
func (k *Keyword) set(field, text string, now time.Time) error {
	switch field {
	case "bid_fen":
		bid, refused := ParseFen(text)
		if refused != nil {
			return refused
		}
		k.BidFen = bid
	case "match_type":
		k.MatchType = MatchType(text)
	case "switched_on":
		k.SwitchedOn = text == onOff(true)
	case "removed":
		k.RemovedAt = nil
		if text == removedWords {
			k.RemovedAt = &now
		}
	default:
		return fmt.Errorf("models: a keyword has no value %q", field)
	}
	return nil
}

// ownKeywords reads the keywords of a campaign that are named, under their
// locks, by ascending id. NotFound when the campaign is not this account's, or
// one of them not the campaign's or removed; Conflict when it has ended.
func (e *editing) ownKeywords(campaignID int64, rows []RowRef) ([]Keyword, error) {
	if err := e.openCampaign(campaignID); err != nil {
		return nil, err
	}
	ids := distinct(rows)
	var keywords []Keyword
	err := e.locked().Order("id").Find(&keywords, "campaign_id = ? AND id IN ? AND removed_at IS NULL", campaignID, ids).Error
	if err != nil {
		return nil, err
	}
	if len(keywords) != len(ids) {
		return nil, notFound("keyword")
	}
	return keywords, nil
}

// openCampaign refuses a campaign that is not this account's, or has ended.
func (e *editing) openCampaign(id int64) error {
	c, err := ownCampaign(e.locked(), e.account.ID, id)
	if err == nil && c.EndedAt != nil {
		return conflict("error.campaign.ended", map[string]any{"Name": c.Name})
	}
	return err
}

// saveKeyword writes what differs.
func (e *editing) saveKeyword(before, after Keyword) error {
	after.RowVersion = before.RowVersion + 1
	differs, err := e.save("keyword", before.ID, before.values(), after.values())
	if err != nil || !differs {
		return err
	}
	return changed(e.Model(&Keyword{}).Where("id = ? AND row_version = ?", before.ID, before.RowVersion).
		Select("BidFen", "MatchType", "SwitchedOn", "RemovedAt", "RowVersion").Updates(&after))
}

// BidCeiling is the most that a click of the account may cost.
func (a Account) BidCeiling(r Rules) Fen {
	if a.BidCeilingFen != nil {
		return min(*a.BidCeilingFen, r.MaxBid)
	}
	return r.MaxBid
}

// bidRefusal is why a keyword can't have this bid, or nil.
func (e *editing) bidRefusal(bid Fen, field string) *Error {
	return within(bid, field, e.rules.MinBid, e.account.BidCeiling(e.rules), "error.bid.too_small", "error.bid.too_large")
}

// SetBid changes a keyword's bid as the seller typed it, in yuan. Refusals
// stand on the field "bid": the amount, over the account's ceiling, or that
// somebody else was quicker. NotFound: the keyword is not this campaign's, or
// the campaign is not this account's. Conflict when the campaign has ended.
func (s *Store) SetBid(ctx context.Context, by Actor, accountID, campaignID int64, row RowRef, typed string) (Edit, error) {
	made, _, err := s.editAs(ctx, by, accountID, EditBid, false, func(e *editing) error {
		return e.setBids(campaignID, []RowRef{row}, BulkChange{To: typed}, func(int64) string { return "bid" })
	})
	return made, err
}

// SetBids changes the bids of several keywords of a campaign, all or none of
// them; refusals stand on "bid" where the change itself is wrong, and on
// "bid.ID" of a row. With dry nothing is changed: the items say what would be.
func (s *Store) SetBids(ctx context.Context, by Actor, accountID, campaignID int64, rows []RowRef, change BulkChange, dry bool) (Edit, []EditItem, error) {
	if err := tooMany(len(rows), "row"); err != nil {
		return Edit{}, nil, err
	}
	return s.editAs(ctx, by, accountID, EditBid, dry, func(e *editing) error {
		return e.setBids(campaignID, rows, change, func(id int64) string { return onRow("bid", id) })
	})
}

func (e *editing) setBids(campaignID int64, rows []RowRef, change BulkChange, fieldOf func(int64) string) error {
	to, refused := change.rule("bid")
	if refused != nil {
		return FieldErrors{refused}
	}
	keywords, err := e.ownKeywords(campaignID, rows)
	if err != nil {
		return err
	}
	seen := versions(rows)
	var refusals FieldErrors
	for _, k := range keywords {
		after := k
		after.BidFen = to(k.BidFen)
		refused := seen[k.ID].stale(fieldOf(k.ID), k.RowVersion, k.BidFen)
		if refused == nil && after.BidFen != k.BidFen {
			refused = e.bidRefusal(after.BidFen, fieldOf(k.ID))
		}
		if refused != nil {
			refusals = append(refusals, refused)
			continue
		}
		if err := e.saveKeyword(k, after); err != nil {
			return err
		}
	}
	return refusals.OrNil()
}

// SwitchKeywords switches keywords of a campaign on or off, all or none of them.
// NotFound and Conflict as SetBid; FieldErrors on "row" when none or too many, or
// one is not as it was drawn, but to pause is never refused for that.
func (s *Store) SwitchKeywords(ctx context.Context, by Actor, accountID, campaignID int64, rows []RowRef, on bool) (Edit, error) {
	if !on {
		rows = slices.Clone(rows)
		for i := range rows {
			rows[i].Version = 0
		}
	}
	return s.editKeywords(ctx, by, accountID, campaignID, rows, EditKeywordSwitch, func(k *Keyword, _ time.Time) { k.SwitchedOn = on })
}

// RemoveKeywords takes keywords out of a campaign; their history stays. Refusals
// as SwitchKeywords.
func (s *Store) RemoveKeywords(ctx context.Context, by Actor, accountID, campaignID int64, rows []RowRef) (Edit, error) {
	return s.editKeywords(ctx, by, accountID, campaignID, rows, EditKeywordRemove, removeKeyword)
}

func removeKeyword(k *Keyword, now time.Time) { k.RemovedAt = &now }

// KeywordRemoval says what RemoveKeywords would change, and changes nothing. An
// item's value before is the keyword's bid. Refusals as SwitchKeywords.
func (s *Store) KeywordRemoval(ctx context.Context, accountID, campaignID int64, rows []RowRef) ([]EditItem, error) {
	if err := tooMany(len(rows), "row"); err != nil {
		return nil, err
	}
	_, items, err := s.editAs(ctx, Actor{}, accountID, EditKeywordRemove, true, func(e *editing) error {
		keywords, err := e.ownKeywords(campaignID, rows)
		seen := versions(rows)
		for _, k := range keywords {
			if seen[k.ID].stale("row", k.RowVersion, nil) != nil {
				return FieldErrors{fieldError("row", "error.row.moved", map[string]any{"Name": k.Phrase})}
			}
			e.items = append(e.items, EditItem{Subject: "keyword", SubjectID: k.ID, Field: "bid_fen", BeforeValue: k.BidFen.Wire()})
		}
		return err
	})
	return items, err
}

// SetMatchType says which searches keywords bid on. Refusals as SwitchKeywords;
// FieldErrors on "match_type" when it is none.
func (s *Store) SetMatchType(ctx context.Context, by Actor, accountID, campaignID int64, rows []RowRef, match MatchType) (Edit, error) {
	if !slices.Contains(MatchTypes, match) {
		return Edit{}, FieldErrors{fieldError("match_type", "error.match.unknown", nil)}
	}
	return s.editKeywords(ctx, by, accountID, campaignID, rows, EditMatch, func(k *Keyword, _ time.Time) { k.MatchType = match })
}

func (s *Store) editKeywords(ctx context.Context, by Actor, accountID, campaignID int64, rows []RowRef, kind EditKind, change func(*Keyword, time.Time)) (Edit, error) {
	if err := tooMany(len(rows), "row"); err != nil {
		return Edit{}, err
	}
	made, _, err := s.editAs(ctx, by, accountID, kind, false, func(e *editing) error {
		keywords, err := e.ownKeywords(campaignID, rows)
		if err != nil {
			return err
		}
		seen := versions(rows)
		for _, k := range keywords {
			if seen[k.ID].stale("row", k.RowVersion, nil) != nil {
				return FieldErrors{fieldError("row", "error.row.moved", map[string]any{"Name": k.Phrase})}
			}
			after := k
			change(&after, e.now)
			if err := e.saveKeyword(k, after); err != nil {
				return err
			}
		}
		return nil
	})
	return made, err
}

// KeywordsInput are keywords to add, as they were typed: a phrase a line, one
// bid in yuan and one match type for all.
type KeywordsInput struct {
	Phrases   string
	Bid       string
	MatchType MatchType
}

// phrases are the lines that say something, each once.
func (in KeywordsInput) phrases() (all []string, refused *Error) {
	for line := range strings.Lines(in.Phrases) {
		phrase := strings.Join(strings.Fields(toValid(line)), " ")
		switch {
		case phrase == "" || slices.Contains(all, phrase):
		case utf8.RuneCountInString(phrase) > maxPhrase:
			return nil, fieldError("phrases", "error.phrase.too_long", map[string]any{"Phrase": clip(phrase, maxPhrase), "Max": maxPhrase})
		default:
			all = append(all, phrase)
		}
	}
	if len(all) == 0 {
		return nil, fieldError("phrases", "error.phrase.empty", nil)
	}
	if len(all) > MaxKeywords {
		return nil, fieldError("phrases", "error.phrase.too_many", map[string]any{"Max": MaxKeywords})
	}
	return all, nil
}

// AddKeywords adds keywords to a campaign; one that was removed comes back with
// its history, and those that stand there already stay as they are. FieldErrors
// on "phrases", "bid" and "match_type". NotFound and Conflict as SetBid.
func (s *Store) AddKeywords(ctx context.Context, by Actor, accountID, campaignID int64, in KeywordsInput) (Edit, []EditItem, error) {
	var refusals FieldErrors
	phrases, refused := in.phrases()
	if refused != nil {
		refusals = append(refusals, refused)
	}
	if !slices.Contains(MatchTypes, in.MatchType) {
		refusals = append(refusals, fieldError("match_type", "error.match.unknown", nil))
	}
	bid, refused := ParseFen(in.Bid)
	if refused != nil {
		refused.Field = "bid"
		refusals = append(refusals, refused)
	}
	return s.editAs(ctx, by, accountID, EditKeywordAdd, false, func(e *editing) error {
		refusals := slices.Clone(refusals)
		if refused == nil {
			if tooMuch := e.bidRefusal(bid, "bid"); tooMuch != nil {
				refusals = append(refusals, tooMuch)
			}
		}
		if err := e.openCampaign(campaignID); err != nil {
			return err
		}
		if err := refusals.OrNil(); err != nil {
			return err
		}
		return e.addKeywords(campaignID, phrases, bid, in.MatchType)
	})
}

func (e *editing) addKeywords(campaignID int64, phrases []string, bid Fen, match MatchType) error {
	var standing []Keyword
	if err := e.locked().Order("id").Find(&standing, "campaign_id = ?", campaignID).Error; err != nil {
		return err
	}
	byPhrase, live := make(map[string]Keyword, len(standing)), 0
	for _, k := range standing {
		byPhrase[k.Phrase] = k
		if k.RemovedAt == nil {
			live++
		}
	}
	for _, phrase := range phrases {
		k, stands := byPhrase[phrase]
		if stands && k.RemovedAt == nil {
			continue
		}
		live++
		if live > MaxKeywords {
			return FieldErrors{fieldError("phrases", "error.phrase.too_many", map[string]any{"Max": MaxKeywords})}
		}
		if !stands { // one that never was begins as one that is removed: so the act can be put back
			k = Keyword{CampaignID: campaignID, Phrase: phrase, MatchType: match, BidFen: bid, Quality: newQuality, SwitchedOn: true,
				RemovedAt: &e.now, RowVersion: 1, CreatedAt: e.now}
			if err := e.Create(&k).Error; err != nil {
				return err
			}
		}
		after := k
		after.BidFen, after.MatchType, after.SwitchedOn, after.RemovedAt = bid, match, true, nil
		if err := e.saveKeyword(k, after); err != nil {
			return err
		}
	}
	return nil
}
