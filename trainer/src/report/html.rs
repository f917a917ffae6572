//! Text in a page.

/// Text as it may stand between tags and within quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// A cell whose value a script sorts by.
pub(super) fn cell(value: f64, shown: &str) -> String {
    format!("<td data-value=\"{value}\">{}</td>", escaped(shown))
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_a_name_is_taken_for_a_tag() {
        assert_eq!(super::escaped("<b a='\"'>R&B\n"), "&lt;b a=&#39;&quot;&#39;&gt;R&amp;B ");
    }
}
