//! Names and namespaces: every element must be in the root's one namespace, by the prefix the root uses.
//!
//! Owns: which attributes are taken (namespace declarations and `xsi:…` on the root, none elsewhere).
//! Never: resolves prefixes declared below the root; such a declaration is a mistake.

use quick_xml::events::BytesStart;

/// How elements of the document are written.
pub(super) struct Names {
    /// Prefix with its colon, empty for none.
    prefix: String,
}

/// What is wrong with a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    /// The root is another element.
    Root,
    /// A namespace that is not the layout's, or one declared below the root.
    Namespace,
    /// An attribute.
    Attribute,
    /// Attributes that cannot be read.
    Broken,
}

impl Mistake {
    pub fn code(self) -> &'static str {
        match self {
            Mistake::Root => "xml-root",
            Mistake::Namespace => "xml-namespace",
            Mistake::Attribute => "unknown-attribute",
            Mistake::Broken => "xml-broken",
        }
    }

    pub fn message(self, element: &str) -> String {
        match self {
            Mistake::Root => format!("最上位の要素が <{element}> です"),
            Mistake::Namespace => format!("要素 <{element}> で名前空間を宣言し直しています"),
            Mistake::Attribute => format!("要素 <{element}> に決まりにない属性があります"),
            Mistake::Broken => format!("要素 <{element}> の属性が読めません"),
        }
    }
}

/// Judges the root's tag.
pub(super) fn root_names(tag: &BytesStart<'_>, root: &str, namespace: &str) -> Result<Names, Mistake> {
    let name = tag.name();
    let full: &str = name.as_ref();
    let (prefix, local) = match full.split_once(':') {
        Some((prefix, local)) => (format!("{prefix}:"), local),
        None => (String::new(), full),
    };
    if local != root {
        return Err(Mistake::Root);
    }
    let declaration = match prefix.strip_suffix(':') {
        Some(prefix) => format!("xmlns:{prefix}"),
        None => "xmlns".to_owned(),
    };
    let mut found = String::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| Mistake::Broken)?;
        let key: &str = attribute.key.as_ref();
        if key == declaration {
            found = attribute.unescape_text().ok_or(Mistake::Broken)?;
        } else if !(key.starts_with("xmlns:") || key == "xmlns" || key.starts_with("xsi:")) {
            return Err(Mistake::Attribute);
        }
    }
    if found != namespace {
        return Err(Mistake::Namespace);
    }
    Ok(Names { prefix })
}

impl Names {
    /// Local name of an element; `None` when it is not in the root's namespace.
    pub fn local<'n>(&self, full: &'n str) -> Option<&'n str> {
        let local = full.strip_prefix(self.prefix.as_str())?;
        (!local.contains(':')).then_some(local)
    }

    /// What is wrong with the attributes of an element below the root.
    pub fn attribute_mistake(&self, tag: &BytesStart<'_>) -> Option<Mistake> {
        let attribute = tag.attributes().next()?;
        Some(match attribute {
            Err(_) => Mistake::Broken,
            Ok(attribute) => {
                let key: &str = attribute.key.as_ref();
                if key.starts_with("xmlns") { Mistake::Namespace } else { Mistake::Attribute }
            }
        })
    }
}

/// Text of an attribute.
trait AttributeText {
    /// `None` when it holds an undefined entity.
    fn unescape_text(&self) -> Option<String>;
}

impl AttributeText for quick_xml::events::attributes::Attribute<'_> {
    fn unescape_text(&self) -> Option<String> {
        let value = self.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok()?;
        Some(value.into_owned())
    }
}
