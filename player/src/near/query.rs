//! The language of `player search`: `jazz and not sad`, `(rock or metal) and "female vocalists" and bowie`.
//!
//! Words that are the model's tags stand for how true the tag is of a song; all others are looked for in its title,
//! artist and album. `not` binds strongest, then `and`, which may be left out, then `or`. Words in quotes belong together,
//! and so do words that make a tag: `classic rock` is the tag, and not `classic and rock`.

use std::fmt;

/// A question to a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    root: Node,
    texts: Vec<String>,
    tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// Index of a tag.
    Tag(usize),
    /// Index of a text.
    Text(usize),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It asks for nothing.
    #[error("the query is empty; for example: jazz and not sad")]
    Empty,
    /// A parenthesis or quote is missing.
    #[error("a {missing} is missing in the query")]
    Missing {
        /// Which one.
        missing: char,
    },
    /// An operator with nothing to work on.
    #[error("after {after} a tag or a word is missing in the query")]
    Operand {
        /// What comes before the gap.
        after: String,
    },
    /// A closing parenthesis too many.
    #[error("a ) too many in the query")]
    Closing,
    /// More parentheses and "not" within each other than a person writes.
    #[error("the query is nested too deeply")]
    Deep,
}

const DEEPEST: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Word(String),
    Quoted(String),
}

impl Query {
    /// Reads a query for a model with these tags.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn parse(text: &str, tags: &[String]) -> Result<Self, QueryError> {
        let tokens = tokens(text)?;
        if tokens.is_empty() {
            return Err(QueryError::Empty);
        }
        let mut parser = Parser { tokens: &tokens, at: 0, tags, texts: Vec::new(), depth: 0 };
        let root = parser.or()?;
        if parser.at < tokens.len() {
            return Err(QueryError::Closing);
        }
        Ok(Self { root, texts: parser.texts, tags: tags.to_vec() })
    }

    /// Words that are no tags, by their index.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// How well a song fits, 0 to 1, from what its tags and texts say: the least of what is joined by `and`, the most of
    /// what is joined by `or`.
    pub fn fits(&self, tag: impl Fn(usize) -> f32, text: impl Fn(usize) -> f32) -> f32 {
        self.root.fits(&tag, &text)
    }
}

impl Node {
    fn fits(&self, tag: &dyn Fn(usize) -> f32, text: &dyn Fn(usize) -> f32) -> f32 {
        match self {
            Self::Tag(index) => tag(*index),
            Self::Text(index) => text(*index),
            Self::Not(inner) => 1.0 - inner.fits(tag, text),
            Self::And(all) => all.iter().map(|node| node.fits(tag, text)).fold(1.0, f32::min),
            Self::Or(any) => any.iter().map(|node| node.fits(tag, text)).fold(0.0, f32::max),
        }
    }

    fn print(&self, query: &Query, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, nodes: &[Self], word: &str| {
            for (i, node) in nodes.iter().enumerate() {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                if matches!(node, Self::And(_) | Self::Or(_)) {
                    write!(f, "(")?;
                    node.print(query, f)?;
                    write!(f, ")")?;
                } else {
                    node.print(query, f)?;
                }
            }
            Ok(())
        };
        match self {
            Self::Tag(index) => write!(f, "\"{}\"", query.tags[*index]),
            Self::Text(index) => write!(f, "\"{}\"", query.texts[*index]),
            Self::Not(inner) => {
                write!(f, "not ")?;
                joined(f, std::slice::from_ref(&**inner), "")
            }
            Self::And(all) => joined(f, all, "and"),
            Self::Or(any) => joined(f, any, "or"),
        }
    }
}

/// The query as it was understood, with quotes around every tag and text.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.print(self, f)
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => {
                tokens.push(if first == '(' { Token::Open } else { Token::Close });
                1
            }
            '"' => {
                let end = rest[1..].find('"').ok_or(QueryError::Missing { missing: '"' })?;
                let quoted = rest[1..=end].trim();
                if !quoted.is_empty() {
                    tokens.push(Token::Quoted(quoted.into()));
                }
                end + 2
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "()\"".contains(c)).unwrap_or(rest.len());
                let word = &rest[..end];
                tokens.push(match &*word.to_lowercase() {
                    "and" => Token::And,
                    "or" => Token::Or,
                    "not" => Token::Not,
                    _ => Token::Word(word.into()),
                });
                end
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

struct Parser<'p> {
    tokens: &'p [Token],
    at: usize,
    tags: &'p [String],
    texts: Vec<String>,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn or(&mut self) -> Result<Node, QueryError> {
        let mut any = vec![self.and()?];
        while self.peek() == Some(&Token::Or) {
            self.at += 1;
            any.push(self.and()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Node::Or(any) })
    }

    fn and(&mut self) -> Result<Node, QueryError> {
        let mut all = vec![self.unary()?];
        loop {
            match self.peek() {
                Some(Token::And) => self.at += 1,
                Some(Token::Or | Token::Close) | None => break,
                Some(_) => {}
            }
            all.push(self.unary()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Node::And(all) })
    }

    fn unary(&mut self) -> Result<Node, QueryError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(QueryError::Deep);
        }
        let node = match self.peek() {
            Some(Token::Not) => {
                self.at += 1;
                Node::Not(Box::new(self.unary()?))
            }
            Some(Token::Open) => {
                self.at += 1;
                let inner = self.or()?;
                if self.peek() != Some(&Token::Close) {
                    return Err(QueryError::Missing { missing: ')' });
                }
                self.at += 1;
                inner
            }
            Some(Token::Quoted(text)) => {
                let text = text.clone();
                self.at += 1;
                self.named(&text)
            }
            Some(Token::Word(_)) => self.words(),
            Some(Token::And | Token::Or | Token::Close) | None => {
                let before = self.at.checked_sub(1).map(|at| &self.tokens[at]);
                let after = match before {
                    Some(Token::Not) => "\"not\"",
                    Some(Token::And) => "\"and\"",
                    Some(Token::Or) => "\"or\"",
                    Some(Token::Open) => "(",
                    _ => "the start",
                };
                return Err(QueryError::Operand { after: after.into() });
            }
        };
        self.depth -= 1;
        Ok(node)
    }

    /// The longest tag that the words here make, else the first of them.
    fn words(&mut self) -> Node {
        let words: Vec<&str> = self.tokens[self.at..]
            .iter()
            .map_while(|token| if let Token::Word(word) = token { Some(&**word) } else { None })
            .collect();
        for count in (1..=words.len().min(8)).rev() {
            if let Some(tag) = self.tag(&words[..count].join(" ")) {
                self.at += count;
                return Node::Tag(tag);
            }
        }
        let word = words[0].to_owned();
        self.at += 1;
        self.named(&word)
    }

    fn named(&mut self, name: &str) -> Node {
        if let Some(tag) = self.tag(name) {
            return Node::Tag(tag);
        }
        let known = self.texts.iter().position(|text| text == name);
        Node::Text(known.unwrap_or_else(|| {
            self.texts.push(name.into());
            self.texts.len() - 1
        }))
    }

    fn tag(&self, name: &str) -> Option<usize> {
        let plain = |name: &str| name.to_lowercase().replace(['-', '_'], " ");
        self.tags.iter().position(|tag| plain(tag) == plain(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tags() -> Vec<String> {
        ["rock", "jazz", "sad", "classic rock", "Hip-Hop", "female vocalists"].map(Into::into).into()
    }

    fn fits(query: &str, of: &[(&str, f32)]) -> f32 {
        let query = Query::parse(query, &tags()).unwrap();
        let tags = tags();
        let value = |name: &str| of.iter().find(|(other, _)| *other == name).map_or(0.0, |(_, p)| *p);
        query.fits(|tag| value(&tags[tag]), |text| value(&query.texts()[text]))
    }

    #[test]
    fn operators_bind_as_they_should() {
        let song = [("jazz", 0.8), ("sad", 0.3), ("rock", 0.1), ("classic rock", 0.6), ("Hip-Hop", 0.9)];
        for (query, value) in [
            ("jazz", 0.8),
            ("jazz and not sad", 0.7),
            ("JAZZ NOT sad", 0.7),
            ("rock or jazz and sad", 0.3),
            ("(rock or jazz) and not not sad", 0.3),
            ("classic rock", 0.6),
            ("classic and rock", 0.0),
            ("\"classic rock\" hip hop", 0.6),
            ("bowie or rock", 0.1),
            ("not bowie", 1.0),
        ] {
            assert!((fits(query, &song) - value).abs() < 1e-6, "{query}: {}", fits(query, &song));
        }
        assert_eq!(fits("miles davis", &[("miles", 1.0), ("davis", 1.0)]), 1.0);
        assert_eq!(fits("\"miles davis\"", &[("miles davis", 1.0)]), 1.0);
    }

    #[test]
    fn faults_are_named() {
        let error = |query: &str| Query::parse(query, &tags()).unwrap_err().to_string();
        assert!(error("  ").contains("empty") && error("\"\"").contains("empty"));
        assert!(error("\"jazz").contains("\" is missing") && error("(jazz").contains(") is missing"));
        assert!(error("jazz)").contains("too many"));
        assert!(error("jazz and").contains("after \"and\"") && error("or jazz").contains("after the start"));
        assert!(error("()").contains("after ("));
        assert!(
            error(&"not ".repeat(1000)).contains("deeply") && error(&"(".repeat(100_000)).contains("deeply")
        );
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same(text in "(rock |jazz |classic |and |or |not |\\( |\\) |bowie |\"a b\" ){1,12}") {
            if let Ok(query) = Query::parse(&text, &tags()) {
                prop_assert_eq!(Query::parse(&query.to_string(), &tags()), Ok(query));
            }
        }

        #[test]
        fn nothing_panics(text in ".{0,60}") {
            let _ = Query::parse(&text, &tags());
        }
    }
}
