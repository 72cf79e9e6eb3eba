"""Checks a camt.053.001.08 document against the rules of its schema that matter, and against what entries must add up
to. Reads the document from standard input; says what is wrong and ends with 1, or says nothing and ends with 0.

Python's standard library alone. Every type that Quorate's documents use is described whole, with its elements in the
schema's order; a type that they do not use is named None, and an element of it refused as not described.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from decimal import Decimal

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
MANY = 10**9

# Sequences: name, type, least, most. A choice has exactly one of its elements.
SEQUENCES = {
    "Document": [("BkToCstmrStmt", "BankToCustomerStatementV08", 1, 1)],
    "BankToCustomerStatementV08": [
        ("GrpHdr", "GroupHeader81", 1, 1),
        ("Stmt", "AccountStatement9", 1, MANY),
        ("SplmtryData", "SupplementaryData1", 0, MANY),
    ],
    "GroupHeader81": [
        ("MsgId", "Max35Text", 1, 1),
        ("CreDtTm", "ISODateTime", 1, 1),
        ("MsgRcpt", None, 0, 1),
        ("MsgPgntn", None, 0, 1),
        ("OrgnlBizQry", None, 0, 1),
        ("AddtlInf", "Max500Text", 0, 1),
    ],
    "AccountStatement9": [
        ("Id", "Max35Text", 1, 1),
        ("StmtPgntn", None, 0, 1),
        ("ElctrncSeqNb", None, 0, 1),
        ("RptgSeq", None, 0, 1),
        ("LglSeqNb", None, 0, 1),
        ("CreDtTm", "ISODateTime", 0, 1),
        ("FrToDt", "DateTimePeriod1", 0, 1),
        ("CpyDplctInd", None, 0, 1),
        ("RptgSrc", None, 0, 1),
        ("Acct", "CashAccount39", 1, 1),
        ("RltdAcct", None, 0, 1),
        ("Intrst", None, 0, MANY),
        ("Bal", "CashBalance8", 1, MANY),
        ("TxsSummry", None, 0, 1),
        ("Ntry", "ReportEntry10", 0, MANY),
        ("AddtlStmtInf", "Max500Text", 0, 1),
    ],
    "DateTimePeriod1": [("FrDtTm", "ISODateTime", 1, 1), ("ToDtTm", "ISODateTime", 1, 1)],
    "CashAccount39": [
        ("Id", "AccountIdentification4Choice", 1, 1),
        ("Tp", None, 0, 1),
        ("Ccy", "ActiveOrHistoricCurrencyCode", 0, 1),
        ("Nm", "Max70Text", 0, 1),
        ("Prxy", "ProxyAccountIdentification1", 0, 1),
        ("Ownr", None, 0, 1),
        ("Svcr", None, 0, 1),
    ],
    "CashAccount38": [
        ("Id", "AccountIdentification4Choice", 1, 1),
        ("Tp", None, 0, 1),
        ("Ccy", "ActiveOrHistoricCurrencyCode", 0, 1),
        ("Nm", "Max70Text", 0, 1),
        ("Prxy", "ProxyAccountIdentification1", 0, 1),
    ],
    "GenericAccountIdentification1": [
        ("Id", "Max34Text", 1, 1),
        ("SchmeNm", "AccountSchemeName1Choice", 0, 1),
        ("Issr", "Max35Text", 0, 1),
    ],
    "ProxyAccountIdentification1": [
        ("Tp", "ProxyAccountType1Choice", 0, 1),
        ("Id", "Max2048Text", 1, 1),
    ],
    "CashBalance8": [
        ("Tp", "BalanceType13", 1, 1),
        ("CdtLine", None, 0, MANY),
        ("Amt", "ActiveOrHistoricCurrencyAndAmount", 1, 1),
        ("CdtDbtInd", "CreditDebitCode", 1, 1),
        ("Dt", "DateAndDateTime2Choice", 1, 1),
        ("Avlbty", None, 0, MANY),
    ],
    "BalanceType13": [("CdOrPrtry", "BalanceType10Choice", 1, 1), ("SubTp", None, 0, 1)],
    "ReportEntry10": [
        ("NtryRef", "Max35Text", 0, 1),
        ("Amt", "ActiveOrHistoricCurrencyAndAmount", 1, 1),
        ("CdtDbtInd", "CreditDebitCode", 1, 1),
        ("RvslInd", None, 0, 1),
        ("Sts", "EntryStatus1Choice", 1, 1),
        ("BookgDt", "DateAndDateTime2Choice", 0, 1),
        ("ValDt", "DateAndDateTime2Choice", 0, 1),
        ("AcctSvcrRef", "Max35Text", 0, 1),
        ("Avlbty", None, 0, MANY),
        ("BkTxCd", "BankTransactionCodeStructure4", 1, 1),
        ("ComssnWvrInd", None, 0, 1),
        ("AddtlInfInd", None, 0, 1),
        ("AmtDtls", None, 0, 1),
        ("Chrgs", None, 0, 1),
        ("TechInptChanl", None, 0, 1),
        ("Intrst", None, 0, 1),
        ("CardTx", None, 0, 1),
        ("NtryDtls", "EntryDetails9", 0, MANY),
        ("AddtlNtryInf", "Max500Text", 0, 1),
    ],
    "BankTransactionCodeStructure4": [
        ("Domn", None, 0, 1),
        ("Prtry", "ProprietaryBankTransactionCodeStructure1", 0, 1),
    ],
    "ProprietaryBankTransactionCodeStructure1": [
        ("Cd", "Max35Text", 1, 1),
        ("Issr", "Max35Text", 0, 1),
    ],
    "EntryDetails9": [("Btch", None, 0, 1), ("TxDtls", "EntryTransaction10", 0, MANY)],
    "EntryTransaction10": [
        ("Refs", "TransactionReferences6", 0, 1),
        ("Amt", "ActiveOrHistoricCurrencyAndAmount", 0, 1),
        ("CdtDbtInd", "CreditDebitCode", 0, 1),
        ("AmtDtls", None, 0, 1),
        ("Avlbty", None, 0, MANY),
        ("BkTxCd", "BankTransactionCodeStructure4", 0, 1),
        ("Chrgs", None, 0, 1),
        ("Intrst", None, 0, 1),
        ("RltdPties", "TransactionParties6", 0, 1),
        ("RltdAgts", None, 0, 1),
        ("LclInstrm", None, 0, 1),
        ("Purp", None, 0, 1),
        ("RltdRmtInf", None, 0, 10),
        ("RmtInf", "RemittanceInformation16", 0, 1),
        ("RltdDts", None, 0, 1),
        ("RltdPric", None, 0, 1),
        ("RltdQties", None, 0, MANY),
        ("FinInstrmId", None, 0, 1),
        ("Tax", None, 0, 1),
        ("RtrInf", None, 0, 1),
        ("CorpActn", None, 0, 1),
        ("SfkpgAcct", None, 0, 1),
        ("CshDpst", None, 0, MANY),
        ("CardTx", None, 0, 1),
        ("AddtlTxInf", "Max500Text", 0, 1),
        ("SplmtryData", "SupplementaryData1", 0, MANY),
    ],
    "TransactionReferences6": [
        ("MsgId", "Max35Text", 0, 1),
        ("AcctSvcrRef", "Max35Text", 0, 1),
        ("PmtInfId", "Max35Text", 0, 1),
        ("InstrId", "Max35Text", 0, 1),
        ("EndToEndId", "Max35Text", 0, 1),
        ("UETR", None, 0, 1),
        ("TxId", "Max35Text", 0, 1),
        ("MndtId", "Max35Text", 0, 1),
        ("ChqNb", "Max35Text", 0, 1),
        ("ClrSysRef", "Max35Text", 0, 1),
        ("AcctOwnrTxId", "Max35Text", 0, 1),
        ("AcctSvcrTxId", "Max35Text", 0, 1),
        ("MktInfrstrctrTxId", "Max35Text", 0, 1),
        ("PrcgId", "Max35Text", 0, 1),
        ("Prtry", "ProprietaryReference1", 0, MANY),
    ],
    "ProprietaryReference1": [("Tp", "Max35Text", 1, 1), ("Ref", "Max35Text", 1, 1)],
    "TransactionParties6": [
        ("InitgPty", None, 0, 1),
        ("Dbtr", "Party40Choice", 0, 1),
        ("DbtrAcct", "CashAccount38", 0, 1),
        ("UltmtDbtr", "Party40Choice", 0, 1),
        ("Cdtr", "Party40Choice", 0, 1),
        ("CdtrAcct", "CashAccount38", 0, 1),
        ("UltmtCdtr", "Party40Choice", 0, 1),
        ("TradgPty", None, 0, 1),
        ("Prtry", None, 0, MANY),
    ],
    "PartyIdentification135": [
        ("Nm", "Max140Text", 0, 1),
        ("PstlAdr", None, 0, 1),
        ("Id", None, 0, 1),
        ("CtryOfRes", None, 0, 1),
        ("CtctDtls", None, 0, 1),
    ],
    "RemittanceInformation16": [("Ustrd", "Max140Text", 0, MANY), ("Strd", None, 0, MANY)],
    "SupplementaryData1": [
        ("PlcAndNm", "Max350Text", 0, 1),
        ("Envlp", "SupplementaryDataEnvelope1", 1, 1),
    ],
}

CHOICES = {
    "AccountIdentification4Choice": {"IBAN": None, "Othr": "GenericAccountIdentification1"},
    "AccountSchemeName1Choice": {"Cd": None, "Prtry": "Max35Text"},
    "ProxyAccountType1Choice": {"Cd": None, "Prtry": "Max35Text"},
    "BalanceType10Choice": {"Cd": "ExternalBalanceType1Code", "Prtry": "Max35Text"},
    "DateAndDateTime2Choice": {"Dt": "ISODate", "DtTm": "ISODateTime"},
    "EntryStatus1Choice": {"Cd": "ExternalEntryStatus1Code", "Prtry": "Max35Text"},
    "Party40Choice": {"Pty": "PartyIdentification135", "Agt": None},
}

DATE = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?"

# Simple types by a pattern of the whole text.
PATTERNS = {
    "ActiveOrHistoricCurrencyCode": "[A-Z]{3}",
    "CreditDebitCode": "CRDT|DBIT",
    "ExternalBalanceType1Code": "(?s:.){1,4}",
    "ExternalEntryStatus1Code": "(?s:.){1,4}",
    "ISODate": DATE + "(Z|[+-][0-9]{2}:[0-9]{2})?",
    "ISODateTime": DATE + "T" + CLOCK,
}
for _length in (34, 35, 70, 140, 350, 500, 2048):
    PATTERNS[f"Max{_length}Text"] = f"(?s:.){{1,{_length}}}"

AMOUNT = "ActiveOrHistoricCurrencyAndAmount"
ENVELOPE = "SupplementaryDataEnvelope1"
FRACTION_DIGITS = 5
TOTAL_DIGITS = 18


class Wrong(Exception):
    """What is wrong with a document, and where."""


def name_of(element, path):
    """The element's name without the schema's namespace, which it must be of."""
    beginning = "{" + NAMESPACE + "}"
    if not element.tag.startswith(beginning):
        raise Wrong(f"{path}: {element.tag} is not of the schema's namespace")
    return element.tag[len(beginning) :]


def check_amount(element, path):
    """A decimal from 0 with at most so many digits, and a currency."""
    text = element.text or ""
    if not re.fullmatch(r"\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)", text):
        raise Wrong(f"{path}: `{text}` is not an amount")
    whole, _, fraction = text.lstrip("+").partition(".")
    if len(fraction.rstrip("0")) > FRACTION_DIGITS:
        raise Wrong(f"{path}: `{text}` has more than {FRACTION_DIGITS} decimals")
    if len((whole.lstrip("0") + fraction.rstrip("0"))) > TOTAL_DIGITS:
        raise Wrong(f"{path}: `{text}` has more than {TOTAL_DIGITS} digits")
    if set(element.attrib) != {"Ccy"}:
        raise Wrong(f"{path}: it has the attributes {sorted(element.attrib)}, and needs Ccy alone")
    if not re.fullmatch(PATTERNS["ActiveOrHistoricCurrencyCode"], element.attrib["Ccy"]):
        raise Wrong(f"{path}: `{element.attrib['Ccy']}` is not a currency's code")
    if len(element):
        raise Wrong(f"{path}: an amount has no elements")


def check_sequence(element, rules, path):
    """Children in the schema's order, each as often as it may be."""
    children = list(element)
    at = 0
    for name, kind, least, most in rules:
        count = 0
        while at < len(children) and name_of(children[at], path) == name and count < most:
            check(children[at], kind, f"{path}/{name}")
            at += 1
            count += 1
        if count < least:
            raise Wrong(f"{path}: {name} is missing, or not in its place")
    if at < len(children):
        raise Wrong(f"{path}: {name_of(children[at], path)} is too much, or not in its place")


def check_choice(element, options, path):
    """Exactly one of several children."""
    children = list(element)
    if len(children) != 1:
        raise Wrong(f"{path}: one element of {sorted(options)} is needed, {len(children)} are there")
    name = name_of(children[0], path)
    if name not in options:
        raise Wrong(f"{path}: {name} is none of {sorted(options)}")
    check(children[0], options[name], f"{path}/{name}")


def check(element, kind, path):
    """One element of a type."""
    if kind is None:
        raise Wrong(f"{path}: its type is not described here, as Quorate does not write it")
    if kind == AMOUNT:
        check_amount(element, path)
        return
    if element.attrib:
        raise Wrong(f"{path}: it has attributes")
    if kind == ENVELOPE:
        if len(element) != 1:
            raise Wrong(f"{path}: an envelope has one element")
        return
    if kind in PATTERNS:
        text = element.text or ""
        if len(element) or not re.fullmatch(PATTERNS[kind], text):
            raise Wrong(f"{path}: `{text}` is not a {kind}")
        return
    blanks = [element.text, *(child.tail for child in element)]
    if any(blank and blank.strip(" \n\t\r") for blank in blanks):
        raise Wrong(f"{path}: there is a text between elements")
    if kind in CHOICES:
        check_choice(element, CHOICES[kind], path)
    else:
        check_sequence(element, SEQUENCES[kind], path)


def only(element, path):
    """The text of the one element at a path."""
    found = element.findall("/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/")))
    if len(found) != 1:
        raise Wrong(f"{len(found)} elements {path}, one is needed")
    return found[0]


def check_sums(statement):
    """The opening balance and the entries add up to the closing one, all in the account's currency."""
    currency = only(statement, "Acct/Ccy").text
    for amount in statement.iter(f"{{{NAMESPACE}}}Amt"):
        if amount.attrib["Ccy"] != currency:
            raise Wrong(f"an amount in {amount.attrib['Ccy']}, the account is in {currency}")
    balances = {}
    for balance in statement.findall(f"{{{NAMESPACE}}}Bal"):
        kind = only(balance, "Tp/CdOrPrtry")[0].text
        if kind in balances:
            raise Wrong(f"two balances {kind}")
        balances[kind] = Decimal(only(balance, "Amt").text)
    total = balances["OPBD"]
    references = set()
    for entry in statement.findall(f"{{{NAMESPACE}}}Ntry"):
        amount = Decimal(only(entry, "Amt").text)
        total += amount if only(entry, "CdtDbtInd").text == "CRDT" else -amount
        for reference in ("NtryRef", "AcctSvcrRef"):
            text = (reference, only(entry, reference).text)
            if text in references:
                raise Wrong(f"two entries have the {reference} {text[1]}")
            references.add(text)
    if total != balances["CLBD"]:
        raise Wrong(f"the entries lead to {total}, the closing balance is {balances['CLBD']}")


def main():
    """Checks the document on standard input."""
    try:
        root = ElementTree.fromstring(sys.stdin.buffer.read())
        if name_of(root, "") != "Document":
            raise Wrong(f"the document is a {root.tag}")
        check(root, "Document", "Document")
        for statement in root.iter(f"{{{NAMESPACE}}}Stmt"):
            check_sums(statement)
    except (Wrong, ElementTree.ParseError) as wrong:
        print(wrong)
        sys.exit(1)


if __name__ == "__main__":
    main()
