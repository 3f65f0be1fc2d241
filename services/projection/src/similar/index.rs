//! The index itself: words and pairs of characters of each case, and who may see it.
//!
//! Invariants: a query is made of terms, one by one, so no text that a person types has a syntax; a commit carries how far
//! it has come; a reader sees whole commits only. All calls block.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use proto_events::ids::CaseId;
use serde::{Deserialize, Serialize};
use tantivy::collector::TopDocs;
use tantivy::directory::MmapDirectory;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, Occur, Query, TermQuery,
};
use tantivy::schema::{
    Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions, Value as _,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError, Term};

use super::words::Words;

/// The form of the index. One higher: every index is built anew at the next start.
const SCHEMA_VERSION: u32 = 1;

/// Memory of the writer in bytes: the least that the library takes; a case has one or two KiB.
const WRITER_BYTES: usize = 15_000_000;

/// A word says more than a pair of characters does.
const WORD_BOOST: f32 = 2.0;

/// How much the same matter is worth: about as much as three rare words.
const MATTER_BOOST: f32 = 8.0;

/// Most different words, and most different pairs, that are looked for: a text of this length is no better described by
/// more of them.
const TERMS_MAX: usize = 120;

/// Why the index could not be used. It can always be built anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    /// The library says no.
    #[error("the index of similar cases cannot be used")]
    Index(#[from] TantivyError),
    /// The folder does not do.
    #[error("the folder of the index cannot be used")]
    Folder(#[from] io::Error),
    /// It is of another form, or of another dictionary.
    #[error("the index is of another form")]
    Form,
}

/// How far an index has come, and what it was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    schema: u32,
    dictionary: u64,
    /// The last event of the stream of cases that was looked at.
    pub(super) sequence: u64,
    /// When that stream was made.
    pub(super) stream_created_at: DateTime<Utc>,
}

/// A case as it goes into the index.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) case_id: CaseId,
    pub(super) center: String,
    pub(super) departments: Vec<String>,
    pub(super) matter: String,
    pub(super) text: String,
}

/// Which cases are looked through: the view has the last word on each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them.
    All,
    /// Those of a center.
    Center(String),
    /// Those that a department had.
    Department(String),
}

/// A case that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Found {
    pub(crate) case_id: CaseId,
    /// Higher is more alike; comparable within one answer only.
    pub(crate) score: f32,
}

#[derive(Debug, Clone, Copy)]
struct Fields {
    case_id: Field,
    center: Field,
    department: Field,
    matter: Field,
    words: Field,
    pairs: Field,
}

/// One index.
pub(super) struct SimilarIndex {
    fields: Fields,
    words: Arc<Words>,
    reader: IndexReader,
    writer: Mutex<IndexWriter>,
}

impl fmt::Debug for SimilarIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimilarIndex").finish_non_exhaustive()
    }
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    // Which words, and how often; no positions, because nobody looks for a phrase.
    let text = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs),
    );
    let fields = Fields {
        case_id: builder.add_text_field("case_id", STRING | STORED),
        center: builder.add_text_field("center", STRING),
        department: builder.add_text_field("department", STRING),
        matter: builder.add_text_field("matter", STRING),
        words: builder.add_text_field("words", text.clone()),
        pairs: builder.add_text_field("pairs", text),
    };
    (builder.build(), fields)
}

impl SimilarIndex {
    /// Opens the index in a folder, and says how far it has come.
    ///
    /// # Errors
    /// When there is none, or it is damaged or of another form.
    pub(super) fn open(folder: &Path, words: Arc<Words>) -> Result<(Self, Stamp), IndexError> {
        let index = Index::open_in_dir(folder)?;
        let (schema, fields) = schema();
        if index.schema() != schema {
            return Err(IndexError::Form);
        }
        let payload = index.load_metas()?.payload.ok_or(IndexError::Form)?;
        let stamp: Stamp = serde_json::from_str(&payload).map_err(|_| IndexError::Form)?;
        if (stamp.schema, stamp.dictionary) != (SCHEMA_VERSION, words.fingerprint()) {
            return Err(IndexError::Form);
        }
        // A file that is short or changed is found here, and not by a person who searches.
        if !index.validate_checksum()?.is_empty() {
            return Err(IndexError::Form);
        }
        Ok((Self::of(&index, fields, words)?, stamp))
    }

    /// Makes an empty index in a folder; whatever lies there is removed.
    ///
    /// # Errors
    /// When the disk does not do.
    pub(super) fn create(folder: &Path, words: Arc<Words>) -> Result<Self, IndexError> {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => std::fs::create_dir_all(folder)?,
        }
        let (schema, fields) = schema();
        let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
        let index = Index::create(directory, schema, tantivy::IndexSettings::default())?;
        Self::of(&index, fields, words)
    }

    fn of(index: &Index, fields: Fields, words: Arc<Words>) -> Result<Self, IndexError> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let writer = Mutex::new(index.writer_with_num_threads(1, WRITER_BYTES)?);
        Ok(Self { fields, words, reader, writer })
    }

    /// Puts a case in, in place of what was there of it.
    pub(super) fn put(&self, text: &Text) -> Result<(), IndexError> {
        let fields = self.fields;
        let mut document = TantivyDocument::default();
        document.add_text(fields.case_id, text.case_id.to_string());
        document.add_text(fields.center, &text.center);
        for department in &text.departments {
            document.add_text(fields.department, department);
        }
        document.add_text(fields.matter, &text.matter);
        document.add_pre_tokenized_text(fields.words, split(self.words.of(&text.text)));
        document.add_pre_tokenized_text(fields.pairs, split(Words::pairs_of(&text.text)));
        let writer = self.writer();
        writer.delete_term(self.term_of(text.case_id));
        writer.add_document(document)?;
        Ok(())
    }

    /// Takes a case out.
    pub(super) fn remove(&self, case_id: CaseId) -> Result<(), IndexError> {
        self.writer().delete_term(self.term_of(case_id));
        Ok(())
    }

    /// Makes everything that was written visible and durable, with how far it has come.
    pub(super) fn commit(
        &self,
        sequence: u64,
        stream_created_at: DateTime<Utc>,
    ) -> Result<(), IndexError> {
        let dictionary = self.words.fingerprint();
        let stamp = Stamp { schema: SCHEMA_VERSION, dictionary, sequence, stream_created_at };
        let payload = serde_json::to_string(&stamp).map_err(|_| IndexError::Form)?;
        let mut writer = self.writer();
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        drop(writer);
        self.reader.reload()?;
        Ok(())
    }

    /// Finds the cases that are most like a text; without a text, those of the matter.
    pub(super) fn search(
        &self,
        text: &str,
        matter: Option<&str>,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        let fields = self.fields;
        let mut clauses = self.alike(text);
        let has_text = !clauses.is_empty();
        let mut all: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        if let Some(matter) = matter {
            let same = Box::new(ConstScoreQuery::new(term(fields.matter, matter), MATTER_BOOST));
            match has_text {
                true => clauses.push((Occur::Should, same)),
                false => all.push((Occur::Must, same)),
            }
        } else if !has_text {
            return Ok(Vec::new());
        }
        if has_text {
            all.push((Occur::Must, Box::new(BooleanQuery::new(clauses))));
        }
        let seen: Box<dyn Query> = match scope {
            Scope::All => Box::new(AllQuery),
            Scope::Center(center) => term(fields.center, center),
            Scope::Department(department) => term(fields.department, department),
        };
        // Who may see a case says nothing about how alike it is.
        all.push((Occur::Must, Box::new(ConstScoreQuery::new(seen, 0.0))));
        let searcher = self.reader.searcher();
        let top = TopDocs::with_limit(limit.max(1)).order_by_score();
        let mut found = Vec::new();
        for (score, address) in searcher.search(&BooleanQuery::new(all), &top)? {
            let document: TantivyDocument = searcher.doc(address)?;
            let id = document.get_first(fields.case_id).and_then(|value| value.as_str());
            let case_id = id.and_then(|id| id.parse().ok()).ok_or(IndexError::Form)?;
            found.push(Found { case_id, score });
        }
        Ok(found)
    }

    /// How many cases it has.
    #[cfg(test)]
    pub(super) fn len(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    fn alike(&self, text: &str) -> Vec<(Occur, Box<dyn Query>)> {
        let words: BTreeSet<String> = self.words.of(text).into_iter().take(TERMS_MAX).collect();
        let pairs: BTreeSet<String> = Words::pairs_of(text).into_iter().take(TERMS_MAX).collect();
        let of_words = words.iter().map(|word| {
            Box::new(BoostQuery::new(scored(self.fields.words, word), WORD_BOOST)) as Box<dyn Query>
        });
        let of_pairs = pairs.iter().map(|pair| scored(self.fields.pairs, pair));
        of_words.chain(of_pairs).map(|query| (Occur::Should, query)).collect()
    }

    fn term_of(&self, case_id: CaseId) -> Term {
        Term::from_field_text(self.fields.case_id, &case_id.to_string())
    }

    fn writer(&self) -> MutexGuard<'_, IndexWriter> {
        // A panic while it was held leaves at worst a document that is written again.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn term(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

fn scored(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
}

/// Terms as the library takes them when the text was split elsewhere.
fn split(terms: Vec<String>) -> PreTokenizedString {
    let token = |(position, text): (usize, String)| Token { position, text, ..Token::default() };
    let tokens = terms.into_iter().enumerate().map(token).collect();
    PreTokenizedString { text: String::new(), tokens }
}
