"""PostgreSQL's index of words: made so that it finds what SQLite's does, in a database of any locale."""

from __future__ import annotations

from sqlalchemy import Connection, text

COLLATIONS = ("pg_c_utf8", "und-x-icu", "default")
"""The first that the server has says what a letter is; the locale of a database may know only ASCII."""

MAKE_INDEX = (
    # Small letters without accents, words apart by single spaces: as SQLite's `unicode61 remove_diacritics 2`.
    "CREATE FUNCTION message_words(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ "
    "SELECT regexp_replace(lower(regexp_replace(normalize(given, NFD), '[\u0300-\u036f]', '', 'g') "
    "COLLATE \"{collation}\"), '[^[:alnum:]]+' COLLATE \"{collation}\", ' ', 'g') $$",
    "CREATE TABLE message_search (number bigint PRIMARY KEY REFERENCES messages (number) ON DELETE CASCADE, "
    "words tsvector NOT NULL)",
    "CREATE INDEX message_search_words ON message_search USING gin (words)",
    # An index entry has a limit of 1 MB: of a longer text the beginning is found.
    "CREATE FUNCTION message_index() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "DELETE FROM message_search WHERE number = new.number; "
    "IF new.status <> 'writing' THEN BEGIN "
    "INSERT INTO message_search VALUES (new.number, to_tsvector('simple', message_words(new.text))); "
    "EXCEPTION WHEN program_limit_exceeded THEN "
    "INSERT INTO message_search VALUES "
    "(new.number, to_tsvector('simple', message_words(left(new.text, 100000)))); "
    "END; END IF; RETURN NULL; END $$",
    "CREATE TRIGGER message_search_insert AFTER INSERT ON messages FOR EACH ROW "
    "WHEN (new.status <> 'writing') EXECUTE FUNCTION message_index()",
    "CREATE TRIGGER message_search_final AFTER UPDATE OF status ON messages FOR EACH ROW "
    "WHEN (old.status <> new.status) EXECUTE FUNCTION message_index()",
    "INSERT INTO message_search SELECT number, to_tsvector('simple', message_words(left(text, 100000))) "
    "FROM messages WHERE status <> 'writing'",
)

REMOVE_INDEX = (
    "DROP TRIGGER message_search_insert ON messages",
    "DROP TRIGGER message_search_final ON messages",
    "DROP FUNCTION message_index()",
    "DROP TABLE message_search",
    "DROP FUNCTION message_words(text)",
)


def collation_of(connection: Connection) -> str:
    """The collation by which words are told apart in this database."""
    found = {name for (name,) in connection.execute(text("SELECT collname FROM pg_collation"))}
    return next(name for name in COLLATIONS if name in found)
