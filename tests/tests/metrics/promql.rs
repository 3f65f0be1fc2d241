//! What an expression of PromQL names: metrics, and the labels that it asks of them.
//!
//! It knows as much of the language as `deploy/` uses. Invariant: a word that it cannot place is a fault of the expression,
//! never passed over, so that a misspelt metric cannot look like a function.

use std::collections::BTreeSet;

/// Functions and aggregations.
const FUNCTIONS: [&str; 13] = [
    "abs",
    "changes",
    "count",
    "histogram_quantile",
    "increase",
    "max",
    "min",
    "rate",
    "sum",
    "time",
    "topk",
    "vector",
    "avg",
];
/// Words between expressions.
const OPERATORS: [&str; 4] = ["and", "or", "unless", "bool"];
/// Words behind which labels stand in parentheses.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// A metric, and what an expression asks of its labels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) metric: String,
    /// Label, operator and value, as in `outcome`, `=~`, `refused|locked`.
    pub(crate) matchers: Vec<(String, String, String)>,
}

/// All that an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(crate) metrics: Vec<Named>,
    /// The labels that it groups by.
    pub(crate) grouped_by: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

/// Reads an expression.
///
/// # Errors
/// Names the word that it cannot place.
pub(crate) fn read(text: &str) -> Result<Expression, String> {
    let tokens = tokens(text)?;
    let (mut expression, mut at) = (Expression::default(), 0);
    while let Some(token) = tokens.get(at) {
        at += 1;
        let Token::Word(word) = token else { continue };
        let opens = tokens.get(at) == Some(&Token::Sign('('));
        if GROUPINGS.contains(&word.as_str()) && opens {
            while let Some(token) = tokens.get(at).filter(|token| **token != Token::Sign(')')) {
                if let Token::Word(label) = token {
                    expression.grouped_by.insert(label.clone());
                }
                at += 1;
            }
        } else if opens && FUNCTIONS.contains(&word.as_str())
            || OPERATORS.contains(&word.as_str())
            || (!opens && ["sum", "max", "min", "count", "avg"].contains(&word.as_str()))
        {
            continue;
        } else if opens {
            return Err(format!("{word} is no function that is known here: {text}"));
        } else {
            let mut named = Named { metric: word.clone(), ..Named::default() };
            if tokens.get(at) == Some(&Token::Sign('{')) {
                at = matchers(&tokens, at + 1, &mut named)
                    .ok_or_else(|| format!("the labels of {word} cannot be read: {text}"))?;
            }
            expression.metrics.push(named);
        }
    }
    Ok(expression)
}

/// Reads matchers up to their brace, and gives the place behind it.
fn matchers(tokens: &[Token], mut at: usize, named: &mut Named) -> Option<usize> {
    loop {
        match tokens.get(at)? {
            Token::Sign('}') => return Some(at + 1),
            Token::Sign(',') => at += 1,
            Token::Word(label) => {
                let mut operator = String::new();
                at += 1;
                while let Token::Sign(sign) = tokens.get(at)? {
                    operator.push(*sign);
                    at += 1;
                }
                let Token::Text(value) = tokens.get(at)? else { return None };
                named.matchers.push((label.clone(), operator, value.clone()));
                at += 1;
            }
            _ => return None,
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let is_word =
            |character: char| character.is_ascii_alphanumeric() || "_:".contains(character);
        let (token, length) = if first == '"' {
            let end = rest[1..].find('"').ok_or_else(|| format!("a text has no end: {text}"))?;
            (Some(Token::Text(rest[1..=end].to_owned())), end + 2)
        } else if first.is_ascii_digit() {
            // A number, or a time such as 5m.
            (None, rest.find(|one: char| !is_word(one) && one != '.').unwrap_or(rest.len()))
        } else if is_word(first) {
            let end = rest.find(|one: char| !is_word(one)).unwrap_or(rest.len());
            (Some(Token::Word(rest[..end].to_owned())), end)
        } else {
            (Some(Token::Sign(first)), first.len_utf8())
        };
        tokens.extend(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

#[test]
fn an_expression_is_taken_apart_and_a_misspelt_one_is_refused() {
    let found = read(r#"topk(5, histogram_quantile(0.99, sum by (route, le) (rate(a_bucket{x!="/v1", y=~"a|b"}[5m])))) > 2 * b_total"#).unwrap();
    assert_eq!(found.grouped_by, BTreeSet::from(["route".to_owned(), "le".to_owned()]));
    let names: Vec<&str> = found.metrics.iter().map(|one| one.metric.as_str()).collect();
    assert_eq!(names, ["a_bucket", "b_total"]);
    let matchers: Vec<_> = found.metrics[0]
        .matchers
        .iter()
        .map(|(label, operator, value)| format!("{label}{operator}{value}"))
        .collect();
    assert_eq!(matchers, ["x!=/v1", "y=~a|b"]);
    assert!(read("rat(a[5m])").is_err());
    assert!(read("a{x=}").is_err());
}
